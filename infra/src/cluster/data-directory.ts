/**
 * The data directory: everything that one local cluster owns on disk, under one folder.
 *
 * A marker file says that the folder is ours; a folder that holds other things is never written to and never
 * emptied. Names of ours: `cluster.json`, `secret`, `dev.json`, `children.json`, `supervisor.lock`, `broker/`,
 * `postgres/`, `order-<n>/`, `user-service/`. What else a user puts there stays.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InfraError } from '../infra-error.ts';
import { writeFileAtomically } from '../process/atomic-file.ts';

const markerName = '.dbsync';
const markerText = 'Data of a local dbsync cluster. pnpm dev --fresh forgets what lies beside this file.\n';
const forgettable =
  /^(?:cluster\.json|secret|dev\.json|children\.json|broker|postgres|user-service|order-\d+)$/;

/** Paths inside a data directory. */
export interface DataDirectory {
  readonly path: string;
  readonly memoryFile: string;
  readonly secretFile: string;
  readonly devFile: string;
  readonly childrenFile: string;
  readonly lockFile: string;
  readonly brokerFolder: string;
  readonly postgresFolder: string;
  /** SQLite file of the service with the given name. */
  databaseOf(name: string): string;
}

/**
 * Opens a data directory, creating and marking it when it is missing or empty.
 * @throws `directory-refused` when it holds something and has no marker.
 */
export function openDataDirectory(path: string): DataDirectory {
  mkdirSync(path, { recursive: true });
  if (!existsSync(join(path, markerName))) {
    if (readdirSync(path).length > 0) {
      throw new InfraError({
        code: 'directory-refused',
        message: `${path} is not a data directory of ours: it holds files, but no ${markerName}.`,
        hint: 'Take an empty or a new directory with --data-dir.',
      });
    }
    writeFileSync(join(path, markerName), markerText);
  }
  return {
    path,
    memoryFile: join(path, 'cluster.json'),
    secretFile: join(path, 'secret'),
    devFile: join(path, 'dev.json'),
    childrenFile: join(path, 'children.json'),
    lockFile: join(path, 'supervisor.lock'),
    brokerFolder: join(path, 'broker'),
    postgresFolder: join(path, 'postgres'),
    databaseOf: (name) => join(path, name, name === 'user-service' ? 'users.db' : 'orders.db'),
  };
}

/** Forgets everything of ours in it; marker, lock and strangers' files stay. Nothing may be running there. */
export function forgetData(directory: DataDirectory): void {
  for (const name of readdirSync(directory.path)) {
    if (forgettable.test(name)) rmSync(join(directory.path, name), { recursive: true, force: true });
  }
}

/** Makes sure that the cluster's secret is there (32 random bytes in hex, readable by this user only). */
export function ensureSecret(directory: DataDirectory): void {
  if (existsSync(directory.secretFile) && readFileSync(directory.secretFile, 'utf8').trim() !== '') return;
  writeFileAtomically({
    path: directory.secretFile,
    text: `${randomBytes(32).toString('hex')}\n`,
    mode: 0o600,
  });
}
