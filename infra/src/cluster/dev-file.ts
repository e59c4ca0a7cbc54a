/**
 * `dev.json`: what runs where, for programs outside (`pnpm verify`, the chaos run, your own scripts).
 *
 * Replaced atomically at each change and removed on a clean stop; its form is part of the project's contract.
 */
import { readFileSync, rmSync } from 'node:fs';
import { z } from 'zod';
import { InfraError } from '../infra-error.ts';
import { writeFileAtomically } from '../process/atomic-file.ts';

const partSchema = z.object({ url: z.string(), pid: z.number().nullable() });
const devFileSchema = z.object({
  /** The supervisor: SIGTERM to it takes everything down. */
  pid: z.number(),
  /** Null in topologies without one. */
  broker: z
    .object({
      kind: z.enum(['external', 'docker', 'java']),
      bootstrap: z.string(),
      pid: z.number().nullable(),
    })
    .nullable(),
  /** Only in the topology `shared-db`; the URL is without the password. */
  postgres: z
    .object({ kind: z.enum(['external', 'embedded']), url: z.string(), pid: z.number().nullable() })
    .optional(),
  gateway: partSchema.nullable(),
  userService: partSchema.nullable(),
  orderReplicas: z.array(
    z.object({
      replicaId: z.string(),
      url: z.string(),
      /** Null while it is down and not yet started again. */
      pid: z.number().nullable(),
      /** Absolute path of the SQLite file; null where all share one PostgreSQL. */
      database: z.string().nullable(),
    }),
  ),
});

/** The contents of `dev.json`. */
export type DevFile = z.infer<typeof devFileSchema>;

/** Replaces the file. */
export function writeDevFile(path: string, contents: DevFile): void {
  writeFileAtomically({ path, text: `${JSON.stringify(contents, null, 2)}\n` });
}

/** Removes it; does nothing when it is not there. */
export function removeDevFile(path: string): void {
  rmSync(path, { force: true });
}

/**
 * Reads it.
 * @throws `not-found` when there is none, or none that can be understood.
 */
export function readDevFile(path: string): DevFile {
  try {
    return devFileSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new InfraError({
      code: 'not-found',
      message: `${path} does not tell what is running.`,
      hint: 'Start a cluster with pnpm dev, or name the data directory of a running one with --data-dir.',
      cause,
    });
  }
}
