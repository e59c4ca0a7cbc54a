/**
 * The drivers that a replica may be told to use, the default first.
 */

/** All of them. */
export const clients = ['sqlite3', 'better-sqlite3'] as const;

/** One of them. */
export type Client = (typeof clients)[number];
