/**
 * Importing a snapshot into an empty replica: rows and positions, not identity.
 *
 * Nothing that the donor says is believed: every row has to hash to its link before the first one is copied. The
 * ids that stand for origins are moved behind those that this file has given out already.
 */
import type { Chain } from './chain.ts';
import { deepCheck } from './deep-check.ts';
import { History } from './history.ts';
import type { Milestones } from './milestones.ts';
import { Origins } from './origins.ts';
import { loadPositions, type Position } from './positions.ts';
import { createTables } from './schema.ts';
import { damaged, type SnapshotManifest } from './snapshot.ts';
import { type Connection, type Database, openConnection } from './sqlite.ts';
import { loadStalls, resumeSchemaStalls, type Stall } from './stalls.ts';
import type { Observe } from './surroundings.ts';
import type { Table } from './table.ts';

/** What a snapshot is imported into. */
export interface SnapshotImportOptions {
  readonly databaseFile: string;
  readonly cluster: string;
  readonly schemaVersion: number;
  readonly topic: string;
  readonly tables: readonly Table[];
  readonly chain: Chain;
  readonly reader: Database['reader'];
  readonly origins: Origins;
  readonly arrivals: Milestones;
  readonly positions: Map<number, Position>;
  readonly stalls: Map<string, Stall>;
  readonly observe: Observe;
  /** Told of the newest version among the rows that came. */
  readonly versionStored: (schemaVersion: number) => void;
}

/**
 * Imports the snapshot in `file` in one transaction: an import that is cut off leaves the directory empty. Memory
 * follows after the commit.
 * @throws `snapshot-refused` where it is of another cluster, too new, or not what its manifest says.
 */
export async function importSnapshot(
  file: string,
  manifest: SnapshotManifest,
  options: SnapshotImportOptions,
): Promise<void> {
  const { cluster, schemaVersion, databaseFile, topic, observe } = options;
  const { origins, arrivals, positions, stalls, reader } = options;
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
    await observe('bootstrap:before-commit');
    await connection.execute('COMMIT;');
    await observe('bootstrap:after-commit');
    for (const origin of (await Origins.load(reader)).list()) {
      origins.set(origin);
      arrivals.reached(origin.name, origin.seq);
    }
    for (const [partition, position] of await loadPositions(reader, topic))
      positions.set(partition, position);
    for (const [name, stall] of await loadStalls(reader, topic)) stalls.set(name, stall);
    // The donor may be an older build, and wait for a version that this one knows.
    await resumeSchemaStalls({ connection, topic, schemaVersion, stalls, positions });
  } finally {
    await connection.close();
  }
  options.versionStored(manifest.schemaVersion);
}

/** Every row has to hash to its link, as if it had come through the log: a donor may be damaged, too. */
async function assertGenuine(
  file: string,
  manifest: SnapshotManifest,
  { chain, tables }: Pick<SnapshotImportOptions, 'chain' | 'tables'>,
): Promise<void> {
  const copy = await openConnection(file);
  try {
    // An older build made it: what came later is added, as to a file of our own.
    await createTables(copy, tables);
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

async function copyRows(connection: Connection, { tables, origins }: SnapshotImportOptions): Promise<void> {
  // The id that stands for this run is given out already; the snapshot's ids are moved behind it.
  const shift = origins.fresh('', { isMinted: false }).id;
  await connection.run(
    `INSERT INTO main.replication_origin (id, name, seq, chain, minted, partition, published)
     SELECT id + ?, name, seq, chain, 0, NULL, published FROM snapshot.replication_origin`,
    [shift],
  );
  for (const { name } of tables) {
    // Not whatever the copy has: a newer build made columns that are empty as long as no row is of its version.
    const found = await connection.all<{ name: string }>(`SELECT name FROM pragma_table_info('${name}')`);
    const names = found.map((column) => column.name);
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
  for (const name of ['replication_position', 'replication_stall', 'replication_stall_place']) {
    await connection.run(`INSERT INTO main.${name} SELECT * FROM snapshot.${name}`);
  }
  await connection.run(
    `INSERT INTO main.replication_quarantine (topic, partition, "offset", reason, found_at, size, record_key, record_value, headers)
     SELECT topic, partition, "offset", reason, found_at, size, record_key, record_value, headers
     FROM snapshot.replication_quarantine`,
  );
}
