/**
 * Opens the SQLite file of the users: the only file of this service that knows which driver there is.
 *
 * WAL lets reads go on beside a write, FULL makes a registration survive a power cut before it is answered.
 * Tables and queries are the business of users-table.ts.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import knex, { type Knex } from 'knex';

export type { Knex };

/** Both are knex clients for SQLite; `better-sqlite3` can take this place when the package is installed. */
const DRIVER = 'sqlite3';
/** knex prints errors as plain text before it throws them; once, as a log line, is enough. */
const SILENT = { warn() {}, error() {}, deprecate() {}, debug() {} };
const BUSY_TIMEOUT_MS = 2_000;
const ACQUIRE_TIMEOUT_MS = 5_000;

/**
 * Opens the database file and makes its folder when it is missing; close it with `destroy()`.
 *
 * @throws Error that names the file when it cannot be opened.
 */
export async function openUsersDatabase(file: string): Promise<Knex> {
  const database = knex({
    client: DRIVER,
    connection: { filename: file },
    useNullAsDefault: true,
    // One connection: settings made on it hold for everything, and SQLite has one writer anyway.
    pool: { min: 1, max: 1 },
    acquireConnectionTimeout: ACQUIRE_TIMEOUT_MS,
    log: SILENT,
  });
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await database.raw(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    await database.raw('PRAGMA journal_mode = WAL');
    await database.raw('PRAGMA synchronous = FULL');
    return database;
  } catch (error) {
    await database.destroy();
    throw new Error(`the database file ${file} cannot be opened: ${String(error)}`, { cause: error });
  }
}
