/**
 * The SQL of a replica's file: the library's own tables and one table for each description.
 *
 * Replicated tables are clustered by (origin, seq), so a run's rows lie together: appending touches the end of
 * one page range, and any stretch of history is one range read. `origin` is the small integer of
 * `replication_origin`. The service's key is unique among the rows that are shown.
 */
import { ReplicationError } from './errors.ts';
import type { Connection } from './sqlite.ts';
import type { Table } from './table.ts';

/** Version of the library's own tables, kept in SQLite's `user_version`. */
const LIBRARY_VERSION = 1;

/** Tables of the library that came after the others: a file of an earlier build lacks them until it is opened. */
export const LATER_TABLES: ReadonlySet<string> = new Set(['replication_acknowledged']);

/** Columns of the library that came after their tables; all are nullable. */
const LATER_COLUMNS = [
  { table: 'replication_position', name: 'landmark_offset', type: 'INTEGER', isNullable: true },
  { table: 'replication_position', name: 'landmark', type: 'BLOB', isNullable: true },
  { table: 'replication_position', name: 'furthest_offset', type: 'INTEGER', isNullable: true },
  { table: 'replication_position', name: 'furthest', type: 'BLOB', isNullable: true },
] as const;

const LIBRARY_TABLES = `
CREATE TABLE IF NOT EXISTS replication_replica (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  replica_id TEXT NOT NULL, cluster TEXT NOT NULL, schema_version INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS replication_accepted (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1), schema_version INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS replication_origin (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
  seq INTEGER NOT NULL, chain BLOB NOT NULL,
  minted INTEGER NOT NULL DEFAULT 0, partition INTEGER, published INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS replication_acknowledged (
  origin INTEGER PRIMARY KEY REFERENCES replication_origin (id), seq INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS replication_position (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
  bookmark_offset INTEGER, bookmark BLOB,
  PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replication_stall (
  origin TEXT PRIMARY KEY, reason TEXT NOT NULL, schema_version INTEGER NOT NULL, since TEXT NOT NULL,
  topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
  bookmark_offset INTEGER, bookmark BLOB
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replication_stall_place (
  origin TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL,
  bookmark_offset INTEGER, bookmark BLOB, PRIMARY KEY (origin, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replication_quarantine (
  id INTEGER PRIMARY KEY, topic TEXT NOT NULL, partition INTEGER NOT NULL, "offset" INTEGER NOT NULL,
  reason TEXT NOT NULL, found_at TEXT NOT NULL, size INTEGER NOT NULL,
  record_key BLOB, record_value BLOB, headers TEXT NOT NULL,
  UNIQUE (topic, partition, "offset")
) STRICT;
CREATE TABLE IF NOT EXISTS replication_removed (replica_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replication_hidden (
  origin INTEGER NOT NULL REFERENCES replication_origin (id), seq INTEGER NOT NULL,
  table_name TEXT NOT NULL, schema_version INTEGER NOT NULL, chain BLOB NOT NULL,
  bytes BLOB NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (origin, seq)
) STRICT, WITHOUT ROWID;
`;

/** Creates what is missing. @throws `directory-refused` where the file was made by a newer build. */
export async function createTables(connection: Connection, tables: readonly Table[]): Promise<void> {
  const [found] = await connection.all<{ user_version: number }>('PRAGMA user_version');
  if ((found?.user_version ?? 0) > LIBRARY_VERSION) {
    throw new ReplicationError({
      code: 'directory-refused',
      message: `The database was written by a newer build (layout ${found?.user_version}, this build knows ${LIBRARY_VERSION}).`,
      hint: 'Start the newer build again, or give this one an empty directory.',
    });
  }
  const script = [LIBRARY_TABLES, ...tables.map(tableScript), `PRAGMA user_version = ${LIBRARY_VERSION};`];
  await connection.execute(`BEGIN IMMEDIATE;${script.join('\n')}COMMIT;`);
  for (const { table, ...column } of LATER_COLUMNS) await addMissingColumns(connection, table, [column]);
  for (const table of tables) {
    await addMissingColumns(connection, table.name, table.columns);
    // Only now: an index may be on a column that came later.
    await connection.execute(indexScript(table));
  }
}

function tableScript(table: Table): string {
  const columns = table.columns.map((column) => `${columnSql(column)},`);
  return `
CREATE TABLE IF NOT EXISTS ${table.name} (
  ${columns.join('\n  ')}
  origin INTEGER NOT NULL REFERENCES replication_origin (id), seq INTEGER NOT NULL,
  schema_version INTEGER NOT NULL, chain BLOB NOT NULL, superseded INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (origin, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS ${table.name}_key ON ${table.name} (${table.primaryKey}) WHERE superseded = 0;`;
}

function indexScript({ name, indexes }: Table): string {
  return indexes
    .map((columns, i) => {
      const index = `${name}_index_${i + 1}`;
      return `CREATE INDEX IF NOT EXISTS ${index} ON ${name} (${columns.join(', ')}) WHERE superseded = 0;`;
    })
    .join('\n');
}

/** Migrations only add: a column of a later version is nullable and appears in an older file on start. */
async function addMissingColumns(
  connection: Connection,
  table: string,
  columns: readonly ColumnSql[],
): Promise<void> {
  const present = await connection.all<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`);
  const names = new Set(present.map((column) => column.name));
  for (const column of columns) {
    if (!names.has(column.name)) {
      await connection.execute(`ALTER TABLE ${table} ADD COLUMN ${columnSql(column)};`);
    }
  }
}

interface ColumnSql {
  readonly name: string;
  readonly type: string;
  readonly isNullable: boolean;
}

/** True for a column that a file of an earlier build may lack until it is opened. */
export function isLaterColumn(table: string, column: string): boolean {
  return LATER_COLUMNS.some((later) => later.table === table && later.name === column);
}

function columnSql(column: ColumnSql): string {
  return `${column.name} ${column.type}${column.isNullable ? '' : ' NOT NULL'}`;
}
