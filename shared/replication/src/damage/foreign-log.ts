/**
 * A write-ahead log of another replica, told by what it makes of the database.
 *
 * Salts are random, and now and then a foreign log begins with one that would fit, or there is none to hold it against.
 * Then the database with its log says that it belongs to somebody else:
 *
 *   the file without the log is ours ............................... the log is foreign
 *   the file without the log is somebody else's .................... it is a wrong directory, which nobody touches
 *   the file alone does not say (nothing was checkpointed yet) ..... foreign if a run of ours had it open last
 *   the file alone cannot be read .................................. the file is damaged, and the log not to be parted
 *                                                                    from it: it may hold what is to be salvaged
 */
import { copyFileSync, linkSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readClaim, type StoredClaim } from '../directory.ts';
import { isReplicationError } from '../errors.ts';
import { replicaOf } from '../origin.ts';
import { openForReading } from '../sqlite.ts';
import { markedRun } from './open-mark.ts';

/** Directory prefix under which a file is looked at without its log; left behind by a crash, it is removed. */
export const ALONE_PREFIX = 'alone-';

type Claimant = Pick<StoredClaim, 'replicaId' | 'cluster'>;

type Claim = Claimant | 'none' | 'unreadable';

/** True where the log beside `file`, which nobody has open, is another replica's. */
export async function isLogForeign(file: string, own: Claimant): Promise<boolean> {
  const together = await claimOf(file);
  if (typeof together === 'string' || isSame(together, own)) return false;
  const alone = await claimAlone(file);
  if (alone === 'unreadable') return false;
  if (alone !== 'none') return isSame(alone, own);
  const last = markedRun(file);
  return last !== undefined && replicaOf(last.run) === own.replicaId;
}

/** What the file says without its log: under another name SQLite does not find that. */
async function claimAlone(file: string): Promise<Claim> {
  const folder = mkdtempSync(join(dirname(file), ALONE_PREFIX));
  const copy = join(folder, basename(file));
  try {
    try {
      linkSync(file, copy);
    } catch {
      // Not every file system has links.
      copyFileSync(file, copy);
    }
    return await claimOf(copy);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whose it is, as far as it says. */
async function claimOf(file: string): Promise<Claim> {
  try {
    const connection = await openForReading(file);
    try {
      const [table] = await connection.all("SELECT 1 FROM sqlite_schema WHERE name = 'replication_replica'");
      return table ? ((await readClaim(connection)) ?? 'none') : 'none';
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (isReplicationError(error)) return 'unreadable';
    throw error;
  }
}

function isSame(one: Claimant, other: Claimant): boolean {
  return one.replicaId === other.replicaId && one.cluster === other.cluster;
}
