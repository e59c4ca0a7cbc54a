/**
 * The lock of a data directory: an exclusive transaction on `lock.db`, held for the life of the process.
 *
 * The operating system drops it with the process, however that ends, and it also works in containers, where
 * every process is pid 1 and a pid file proves nothing. The holder writes its name next to it for the error.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isReplicationError, ReplicationError } from './errors.ts';
import { openConnection } from './sqlite.ts';

/** A held lock. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Takes the lock of `directory` at once or not at all.
 * @throws `directory-locked`, naming the holder.
 */
export async function lockDirectory(directory: string, holder: string): Promise<DirectoryLock> {
  const nameFile = join(directory, 'lock.holder');
  const connection = await openConnection(join(directory, 'lock.db'));
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
  return { release: () => connection.close() };
}

function readHolder(nameFile: string): string {
  try {
    return readFileSync(nameFile, 'utf8').slice(0, 200);
  } catch {
    return 'another process';
  }
}
