/**
 * The environment variables that say which set of replicas a service belongs to, and the secret of that set.
 *
 * Name and secret tell our change log from somebody else's. Neither has a default, because a guessed one would
 * make two strangers' clusters look like one. What is done with them is left to the replication library.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigurationError } from './environment.ts';

const MIN_SECRET_LENGTH = 16;

/** `DBSYNC_CLUSTER`, `DBSYNC_SECRET` or `DBSYNC_SECRET_FILE`, `DBSYNC_DATABASE`, `DBSYNC_TOPIC_PREFIX`. */
export const clusterVariables = {
  DBSYNC_CLUSTER: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .optional()
    .describe('the name of the cluster, 1..64 of letters, digits, ".", "_" and "-"'),
  DBSYNC_SECRET: z
    .string()
    .min(MIN_SECRET_LENGTH)
    .optional()
    .describe(`the secret of the cluster, at least ${MIN_SECRET_LENGTH} characters`),
  DBSYNC_SECRET_FILE: z
    .string()
    .optional()
    .describe('the path of a file that holds the secret of the cluster'),
  DBSYNC_DATABASE: z
    .string()
    .regex(/^[a-z][a-z0-9_-]{0,31}$/)
    .default('orders')
    .describe(
      'the name of the replicated database, 1..32 of a-z, 0-9, "_" and "-" after a letter (default orders)',
    ),
  DBSYNC_TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{0,64}$/)
    .default('')
    .describe(
      'what topic and group names begin with, at most 64 of letters, digits, ".", "_" and "-" (default nothing)',
    ),
};

const clusterSettings = z.object(clusterVariables);

/** What `readEnvironment` makes of `clusterVariables`. */
export type ClusterSettings = z.output<typeof clusterSettings>;

/**
 * The cluster's secret from `DBSYNC_SECRET` or from the trimmed content of `DBSYNC_SECRET_FILE`; undefined when
 * neither is set.
 *
 * @throws ConfigurationError when both are set, or the file cannot be read or holds too short a secret; the
 * secret itself is never part of the message.
 */
export function clusterSecret(
  config: Pick<ClusterSettings, 'DBSYNC_SECRET' | 'DBSYNC_SECRET_FILE'>,
): string | undefined {
  const file = config.DBSYNC_SECRET_FILE;
  if (file === undefined) return config.DBSYNC_SECRET;
  if (config.DBSYNC_SECRET !== undefined) {
    throw new ConfigurationError(['DBSYNC_SECRET and DBSYNC_SECRET_FILE: set one of them, not both']);
  }
  const secret = readSecret(file);
  if (secret.length < MIN_SECRET_LENGTH) {
    throw new ConfigurationError([
      `DBSYNC_SECRET_FILE: ${file} holds ${secret.length} characters; expected at least ${MIN_SECRET_LENGTH}`,
    ]);
  }
  return secret;
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new ConfigurationError([`DBSYNC_SECRET_FILE: ${file} cannot be read (${reason})`]);
  }
}
