/**
 * The lock of a data directory: an exclusive transaction on `lock.db`, held for the life of the process.
 *
 * The operating system drops it with the process, however that ends, and it also works in containers, where
 * every process is pid 1 and a pid file proves nothing. The holder writes its name next to it for the error.
 * Somebody who removes or exchanges the directory takes the lock away: the holder looks before each commit.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isReplicationError, ReplicationError } from './errors.ts';
import { openConnection } from './sqlite.ts';

/** A held lock. */
export interface DirectoryLock {
  /** @throws `lock-lost` where the file that is locked is not the directory's `lock.db` any more. */
  assertHeld(): void;
  release(): Promise<void>;
}

/**
 * Takes the lock of `directory` at once or not at all.
 * @throws `directory-locked`, naming the holder.
 */
export async function lockDirectory(directory: string, holder: string): Promise<DirectoryLock> {
  const nameFile = join(directory, 'lock.holder');
  const file = join(directory, 'lock.db');
  const connection = await openConnection(file);
  try {
    await connection.execute('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE;');
  } catch (error) {
    await connection.close();
    if (!isReplicationError(error, 'database-busy')) throw error;
    throw new ReplicationError({
      code: 'directory-locked',
      message: `The data directory ${directory} is in use by ${readHolder(nameFile)}.`,
      hint: 'Stop that process, or give this one a directory of its own.',
      cause: error,
    });
  }
  writeFileSync(nameFile, holder);
  const held = identityOf(file);
  return {
    assertHeld() {
      if (identityOf(file) === held) return;
      throw new ReplicationError({
        code: 'lock-lost',
        message: `The lock of the data directory ${directory} is lost: ${file} was removed or exchanged.`,
        hint: 'The process ends before another one writes beside it. Keep the directory as it is while a replica runs.',
      });
    },
    release: () => connection.close(),
  };
}

/** What tells a file from another one of the same name; undefined where there is none. */
function identityOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}`;
}

function readHolder(nameFile: string): string {
  try {
    return readFileSync(nameFile, 'utf8').slice(0, 200);
  } catch {
    return 'another process';
  }
}
