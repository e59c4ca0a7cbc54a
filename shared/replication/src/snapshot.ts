/**
 * Snapshots: a copy of a replica at one moment, rows and positions, without its identity.
 *
 *   one line of JSON (the manifest), a line feed, then the bytes of a SQLite file
 *
 * Donor: `VACUUM INTO` on a connection of its own (nobody waits for it), trimmed to what the log holds of the
 * donor's own run, the manifest computed from the copy, never from the live donor. The same bytes serve a new
 * replica over HTTP and a backup in a file.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { GENESIS } from './chain.ts';
import { ReplicationError } from './errors.ts';
import { digestOf, Origins } from './origins.ts';
import { type Connection, openConnection } from './sqlite.ts';
import { clearPlaces, stallAtPlaces } from './stalls.ts';
import type { Observe } from './surroundings.ts';
import type { Table } from './table.ts';
import { newestRowVersion } from './write-version.ts';

/** What a snapshot says of itself. */
export const manifestSchema = z.strictObject({
  format: z.literal('dbsync-snapshot-1'),
  cluster: z.string().min(1).max(64),
  /** Of its newest row: builds that know this version can use it. */
  schemaVersion: z.int().min(1),
  rows: z.int().min(0),
  origins: z.int().min(0),
  /** Digest of the vector that the copy holds. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(0),
  /** Of the bytes after the manifest. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  positions: z.array(z.object({ topic: z.string(), partition: z.int(), next: z.int() })),
  takenAt: z.iso.datetime(),
});

/** The first line of a snapshot. */
export type SnapshotManifest = z.output<typeof manifestSchema>;

type DescribedCopy = Pick<SnapshotManifest, 'schemaVersion' | 'rows' | 'origins' | 'digest' | 'positions'>;

/** A snapshot on the donor's disk; `remove` it when it was sent. */
export interface TakenSnapshot {
  readonly manifest: SnapshotManifest;
  /** SQLite file. */
  readonly file: string;
  remove(): Promise<void>;
}

/** Longest manifest, in bytes. */
export const MAX_MANIFEST_BYTES = 65_536;

/** Directory prefix of copies in the making; leftovers of a crash are removed at the next start. */
export const SNAPSHOT_PREFIX = 'snapshot-';

/** Takes a snapshot of the replica whose file is `databaseFile`. Needs as much room on its disk as the file has. */
export async function takeSnapshot(options: {
  databaseFile: string;
  cluster: string;
  /** The donor's current origin: cut to what was read back from the log. */
  own: string;
  tables: readonly Table[];
  now: number;
  observe: Observe;
}): Promise<TakenSnapshot> {
  await assertRoom(options.databaseFile);
  const folder = await mkdtemp(join(dirname(options.databaseFile), SNAPSHOT_PREFIX));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const file = join(folder, 'copy.db');
    const source = await openConnection(options.databaseFile);
    try {
      await source.run('VACUUM INTO ?', [file]);
    } finally {
      await source.close();
    }
    await options.observe('snapshot:copied');
    const copy = await openConnection(file);
    let described: DescribedCopy;
    try {
      await trim(copy, options);
      described = await describe(copy, options.tables);
    } finally {
      await copy.close();
    }
    const manifest: SnapshotManifest = {
      format: 'dbsync-snapshot-1',
      cluster: options.cluster,
      ...described,
      bytes: (await stat(file)).size,
      sha256: await hashFile(file),
      takenAt: new Date(options.now).toISOString(),
    };
    await options.observe('snapshot:described');
    return { manifest, file, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A copy that fills the disk would stop the donor's own writes. @throws `disk-full` before anything is written. */
async function assertRoom(databaseFile: string): Promise<void> {
  const folder = dirname(databaseFile);
  const { bavail, bsize } = await statfs(folder);
  const { size } = await stat(databaseFile);
  const wal = await stat(`${databaseFile}-wal`).catch(() => ({ size: 0 }));
  const needed = size + wal.size;
  if (bavail * bsize > needed) return;
  throw new ReplicationError({
    code: 'disk-full',
    message: `A snapshot needs up to ${needed} bytes, and the disk has ${bavail * bsize}.`,
    hint: 'Make room on the disk of this replica, or ask another one.',
    isRetryable: true,
  });
}

/** Rows and positions, not identity: the copy belongs to nobody, and nothing in it was minted there. */
async function trim(
  copy: Connection,
  { own, tables, now }: { own: string; tables: readonly Table[]; now: number },
): Promise<void> {
  const [origin] = await copy.all<{ id: number; published: number }>(
    'SELECT id, published FROM replication_origin WHERE name = ?',
    [own],
  );
  // DELETE journal: the copy must be one file, without a WAL beside it.
  await copy.execute('PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE;');
  if (origin) {
    const { id, published } = origin;
    const link = await linkAt(copy, tables, { id, seq: published });
    for (const table of tables) {
      const cut = await copy.run(`DELETE FROM ${table.name} WHERE origin = ? AND seq > ?`, [id, published]);
      if (cut > 0) await copy.run(showAgain(table));
    }
    if (published === 0) await copy.run('DELETE FROM replication_origin WHERE id = ?', [id]);
    else
      await copy.run('UPDATE replication_origin SET seq = ?, chain = ? WHERE id = ?', [published, link, id]);
  }
  // Own rows that stand in the log behind one that it lacks: the donor has passed them, the copy does not have them.
  await stallAtPlaces(copy, { origin: own, since: new Date(now).toISOString() });
  await clearPlaces(copy);
  await copy.run('UPDATE replication_origin SET minted = 0, partition = NULL');
  await copy.run('DELETE FROM replication_replica');
  await copy.run('DELETE FROM replication_accepted');
  await copy.execute('COMMIT;');
}

/** Rows that only a row that was cut off had superseded: the lowest one of each key is shown. */
function showAgain({ name, primaryKey: key, createdAt: time }: Table): string {
  return `UPDATE ${name} SET superseded = 0 WHERE (origin, seq) IN (
    SELECT r.origin, r.seq FROM ${name} r JOIN replication_origin o ON o.id = r.origin
    WHERE r.superseded <> 0
      AND NOT EXISTS (SELECT 1 FROM ${name} s WHERE s.superseded = 0 AND s.${key} = r.${key})
      AND NOT EXISTS (
        SELECT 1 FROM ${name} s JOIN replication_origin p ON p.id = s.origin
        WHERE s.superseded <> 0 AND s.${key} = r.${key} AND (s.${time}, p.name, s.seq) < (r.${time}, o.name, r.seq)))`;
}

async function linkAt(
  copy: Connection,
  tables: readonly Table[],
  { id, seq }: { id: number; seq: number },
): Promise<Buffer> {
  if (seq === 0) return GENESIS;
  for (const name of [...tables.map((table) => table.name), 'replication_hidden']) {
    const [row] = await copy.all<{ chain: Buffer }>(
      `SELECT chain FROM ${name} WHERE origin = ? AND seq = ?`,
      [id, seq],
    );
    if (row) return row.chain;
  }
  throw damaged('a row that was published is missing in it');
}

/** What the file holds, read from it. */
async function describe(copy: Pick<Connection, 'all'>, tables: readonly Table[]): Promise<DescribedCopy> {
  const origins = await Origins.load(copy);
  const vector = origins.vector();
  const positions = await copy.all<{ topic: string; partition: number; next: number }>(
    'SELECT topic, partition, next FROM replication_position ORDER BY topic, partition',
  );
  return {
    schemaVersion: await newestRowVersion(copy, tables),
    rows: origins.rows(),
    origins: Object.keys(vector).length,
    digest: digestOf(vector),
    positions,
  };
}

/** SHA-256 (hex) of a file. */
async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** A snapshot that is refused, with what is wrong with it. */
export function damaged(what: string, cause?: unknown): ReplicationError {
  return new ReplicationError({
    code: 'snapshot-refused',
    message: `The snapshot is refused: ${what}.`,
    hint: 'Nothing of it was used. Take another one.',
    isRetryable: true,
    cause,
  });
}
