/**
 * The statements that store rows, a stretch of an origin at a time.
 *
 * The canonical bytes of a row are JSON, so SQLite can take a whole stretch as one value and read the columns out of
 * it in its own thread. Binding every value of every row was the largest piece of this process's work on a commit.
 * Values are bound row by row where the driver has no thread of its own, as that costs less than reading JSON; and where
 * there are fractions: SQLite reads decimal digits to fewer places than JavaScript writes.
 */
import type { Connection } from './sqlite.ts';
import type { Row, Table } from './table.ts';

/** A row with its place and link, ready to be stored. */
export interface PlacedRow {
  readonly table: Table;
  readonly row: Row;
  /** The canonical bytes of the row. */
  readonly bytes: Buffer;
  readonly originId: number;
  readonly originName: string;
  readonly seq: number;
  readonly schemaVersion: number;
  readonly chain: Buffer;
}

/** Rows of one statement at most. */
const LARGEST_STRETCH = 256;

/** Stores rows that are shown, or as `superseded` says, in a transaction of the caller. @throws `key-taken`. */
export async function insertRows(
  connection: Connection,
  rows: readonly PlacedRow[],
  superseded: 0 | 1 = 0,
): Promise<void> {
  for (let start = 0; start < rows.length; ) {
    const first = rows[start];
    if (!first) return;
    if (connection.isDirect || hasFractions(first.table)) {
      await insertBound(connection, first, superseded);
      start += 1;
    } else {
      const stretch = stretchFrom(first, rows, start);
      await insertStretch(connection, stretch, superseded);
      start += stretch.length;
    }
  }
}

async function insertBound(connection: Connection, placed: PlacedRow, superseded: 0 | 1): Promise<void> {
  const { table, row, originId, seq, schemaVersion, chain } = placed;
  const values = table.columns.map(({ name }) => row[name] ?? null);
  await connection.run(sqlOf(table).bound, [...values, originId, seq, schemaVersion, chain, superseded]);
}

async function insertStretch(
  connection: Connection,
  rows: readonly PlacedRow[],
  superseded: 0 | 1,
): Promise<void> {
  const [first] = rows;
  if (!first) return;
  const { table, originId, seq, schemaVersion } = first;
  await connection.run(sqlOf(table).stretch, [
    originId,
    seq,
    schemaVersion,
    Buffer.concat(rows.map(({ chain }) => chain)),
    superseded,
    `[${rows.map(({ bytes }) => bytes.toString()).join(',')}]`,
  ]);
}

/** Rows that follow each other without a hole in one origin and one table. */
function stretchFrom(first: PlacedRow, rows: readonly PlacedRow[], start: number): readonly PlacedRow[] {
  let end = start + 1;
  const follows = (row: PlacedRow | undefined): boolean =>
    row !== undefined &&
    row.table === first.table &&
    row.originId === first.originId &&
    row.schemaVersion === first.schemaVersion &&
    row.seq === first.seq + end - start;
  while (end - start < LARGEST_STRETCH && follows(rows[end])) end += 1;
  return rows.slice(start, end);
}

const statements = new WeakMap<Table, { bound: string; stretch: string }>();

function sqlOf(table: Table): { bound: string; stretch: string } {
  let sql = statements.get(table);
  if (!sql) {
    const names = table.columns.map(({ name }) => name);
    const into = `INSERT INTO ${table.name} (${names.join(', ')}, origin, seq, schema_version, chain, superseded)`;
    sql = {
      bound: `${into} VALUES (${names.map(() => '?').join(', ')}, ?, ?, ?, ?, ?)`,
      stretch: `${into} SELECT ${names.map((name) => `value ->> '${name}'`).join(', ')},
        ?, ? + key, ?, substr(?, key * 32 + 1, 32), ? FROM json_each(?)`,
    };
    statements.set(table, sql);
  }
  return sql;
}

function hasFractions(table: Table): boolean {
  return table.columns.some(({ type }) => type === 'REAL');
}
