/**
 * Bootstrap: an empty replica takes a snapshot of a live peer instead of reading the whole log.
 *
 *   peers known? -> download -> checked against its manifest -> imported in one transaction -> memory reloaded
 *
 * Only an empty directory takes a snapshot; one with data heals by resync. Interrupted or damaged downloads are
 * thrown away and tried again, also from another peer; when nothing helps the log is replayed, if it is whole.
 */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Chain } from './chain.ts';
import { deepCheck } from './deep-check.ts';
import { errorText, isReplicationError } from './errors.ts';
import { History } from './history.ts';
import { Origins } from './origins.ts';
import type { CallPeer } from './peer.ts';
import { loadPositions, type Position } from './positions.ts';
import type { LiveReplica, Registry } from './registry.ts';
import { damaged, type SnapshotManifest } from './snapshot.ts';
import { receiveSnapshot } from './snapshot-stream.ts';
import { type Connection, type Database, openConnection } from './sqlite.ts';
import { loadStalls, type Stall } from './stalls.ts';
import type { Surroundings } from './surroundings.ts';
import type { Table } from './table.ts';

/** How bootstrap is put together. */
export interface BootstrapOptions {
  readonly databaseFile: string;
  readonly cluster: string;
  readonly schemaVersion: number;
  readonly topic: string;
  readonly tables: readonly Table[];
  readonly chain: Chain;
  readonly reader: Database['reader'];
  readonly origins: Origins;
  readonly positions: Map<number, Position>;
  readonly stalls: Map<string, Stall>;
  readonly registry: Registry;
  readonly callPeer: CallPeer;
  readonly world: Surroundings;
}

/** How long peers are waited for: two beats of everybody and some time to spare, in milliseconds. */
const PEERS_MS = 4000;

/** Name of the download in the data directory. */
export const DOWNLOAD_FILE = 'bootstrap.download';

/** Attempts over all peers before the log is replayed. */
const ATTEMPTS = 4;

/** Time between two lines about the progress, in milliseconds. */
const PROGRESS_MS = 2000;

/** True when a snapshot was taken; false when there is nobody to take it from, or nobody could give one. */
export async function bootstrapFromPeer(options: BootstrapOptions): Promise<boolean> {
  const { logger } = options.world;
  const file = join(dirname(options.databaseFile), DOWNLOAD_FILE);
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const donors = await findDonors(options);
      const donor = donors[attempt % Math.max(1, donors.length)];
      if (!donor) return false;
      try {
        const manifest = await download(donor, file, options);
        await importSnapshot(file, manifest, options);
        logger.info(
          { donor: donor.replicaId, rows: manifest.rows, bytes: manifest.bytes },
          'built from a snapshot',
        );
        return true;
      } catch (error) {
        if (!isReplicationError(error, 'snapshot-refused', 'peer-failed')) throw error;
        logger.warn(
          { donor: donor.replicaId, error: errorText(error) },
          'a snapshot could not be had; trying again',
        );
      }
    }
    return false;
  } finally {
    await rm(file, { force: true });
  }
}

/** Live replicas that hold something; waits for their beats, because nobody is known right after a start. */
async function findDonors({ registry, world }: BootstrapOptions): Promise<LiveReplica[]> {
  const { clock } = world;
  const deadline = clock.monotonic() + PEERS_MS;
  for (;;) {
    const donors = registry
      .live()
      .filter(({ state, announcement }) => state === 'live' && announcement.rows > 0);
    if (donors.length > 0 || clock.monotonic() >= deadline) return donors;
    await new Promise<void>((resolve) => clock.after(100, resolve));
  }
}

async function download(
  donor: LiveReplica,
  file: string,
  options: BootstrapOptions,
): Promise<SnapshotManifest> {
  const { callPeer, world } = options;
  let saidAtMs = world.clock.monotonic();
  return receiveSnapshot(callPeer(donor.url).snapshot(), {
    file,
    progress: (received, { bytes, rows }) => {
      if (world.clock.monotonic() - saidAtMs < PROGRESS_MS) return;
      saidAtMs = world.clock.monotonic();
      world.logger.info({ donor: donor.replicaId, received, bytes, rows }, 'receiving a snapshot');
    },
  });
}

/** Everything in one transaction: an import that is cut off leaves the directory empty. */
async function importSnapshot(
  file: string,
  manifest: SnapshotManifest,
  options: BootstrapOptions,
): Promise<void> {
  const { cluster, schemaVersion, databaseFile, origins, positions, stalls, reader, topic } = options;
  if (manifest.cluster !== cluster) throw damaged(`it is of cluster ${manifest.cluster}`);
  if (manifest.schemaVersion > schemaVersion) {
    throw damaged(`it is of schema version ${manifest.schemaVersion}, this build knows ${schemaVersion}`);
  }
  await assertGenuine(file, manifest, options);
  const connection = await openConnection(databaseFile);
  try {
    await connection.run('ATTACH ? AS snapshot', [file]);
    await connection.execute('BEGIN IMMEDIATE;');
    await copyRows(connection, options);
    await connection.execute('COMMIT;');
  } finally {
    await connection.close();
  }
  for (const origin of (await Origins.load(reader)).list()) origins.set(origin);
  for (const [partition, position] of await loadPositions(reader, topic)) positions.set(partition, position);
  for (const [name, stall] of await loadStalls(reader, topic)) stalls.set(name, stall);
}

/** Every row has to hash to its link, as if it had come through the log: a donor may be damaged, too. */
async function assertGenuine(
  file: string,
  manifest: SnapshotManifest,
  { chain, tables }: Pick<BootstrapOptions, 'chain' | 'tables'>,
): Promise<void> {
  const copy = await openConnection(file);
  try {
    const origins = await Origins.load(copy);
    const { digest, rows, problems } = await deepCheck({
      reader: copy,
      history: new History(tables),
      origins,
      chain,
    });
    const [problem] = problems;
    if (problem) throw damaged(`row ${problem.seq} of ${problem.origin} in it: ${problem.what}`);
    if (digest !== manifest.digest || rows !== manifest.rows)
      throw damaged('it holds something else than it says');
  } finally {
    await copy.close();
  }
}

async function copyRows(connection: Connection, { tables, origins }: BootstrapOptions): Promise<void> {
  // The id that stands for this run is given out already; the snapshot's ids are moved behind it.
  const shift = origins.fresh('', { isMinted: false }).id;
  await connection.run(
    `INSERT INTO main.replication_origin (id, name, seq, chain, minted, partition, published)
     SELECT id + ?, name, seq, chain, 0, NULL, published FROM snapshot.replication_origin`,
    [shift],
  );
  for (const { name } of tables) {
    const columns = await connection.all<{ name: string }>(
      `SELECT name FROM pragma_table_info('${name}', 'snapshot')`,
    );
    const names = columns.map((column) => column.name);
    const values = names.map((column) => (column === 'origin' ? 'origin + ?' : column));
    await connection.run(
      `INSERT INTO main.${name} (${names.join(', ')}) SELECT ${values.join(', ')} FROM snapshot.${name}`,
      [shift],
    );
  }
  await connection.run(
    `INSERT INTO main.replication_hidden (origin, seq, table_name, schema_version, chain, bytes, reason)
     SELECT origin + ?, seq, table_name, schema_version, chain, bytes, reason FROM snapshot.replication_hidden`,
    [shift],
  );
  for (const name of ['replication_position', 'replication_stall']) {
    await connection.run(`INSERT INTO main.${name} SELECT * FROM snapshot.${name}`);
  }
  await connection.run(
    `INSERT INTO main.replication_quarantine (topic, partition, "offset", reason, found_at, size, record_key, record_value, headers)
     SELECT topic, partition, "offset", reason, found_at, size, record_key, record_value, headers
     FROM snapshot.replication_quarantine`,
  );
}
