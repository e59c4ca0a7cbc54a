/**
 * The statements that store rows, a stretch of an origin at a time.
 *
 * The canonical bytes of a row are JSON, so SQLite can take a whole stretch as one value and read the columns out of
 * it in its own thread. Binding every value of every row was the largest piece of this process's work on a commit.
 * Only fractions are bound one by one: SQLite reads decimal digits to fewer places than JavaScript writes.
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
    const stretch = stretchFrom(rows, start);
    const [first] = stretch;
    if (!first) return;
    const { originId, seq, schemaVersion, table } = first;
    await connection.run(sqlOf(table), [
      ...(hasFractions(table) ? table.columns.map(({ name }) => first.row[name] ?? null) : []),
      originId,
      seq,
      schemaVersion,
      Buffer.concat(stretch.map(({ chain }) => chain)),
      superseded,
      `[${stretch.map(({ bytes }) => bytes.toString()).join(',')}]`,
    ]);
    start += stretch.length;
  }
}

/** Rows that follow each other without a hole in one origin and one table; a single one where there are fractions. */
function stretchFrom(rows: readonly PlacedRow[], start: number): readonly PlacedRow[] {
  const first = rows[start];
  let end = start + 1;
  if (!first || hasFractions(first.table)) return rows.slice(start, end);
  const follows = (row: PlacedRow | undefined): boolean =>
    row !== undefined &&
    row.table === first.table &&
    row.originId === first.originId &&
    row.schemaVersion === first.schemaVersion &&
    row.seq === first.seq + end - start;
  while (end - start < LARGEST_STRETCH && follows(rows[end])) end += 1;
  return rows.slice(start, end);
}

const statements = new WeakMap<Table, string>();

function sqlOf(table: Table): string {
  let sql = statements.get(table);
  if (!sql) {
    const names = table.columns.map(({ name }) => name);
    const values = names.map((name) => (hasFractions(table) ? '?' : `value ->> '${name}'`));
    sql = `INSERT INTO ${table.name} (${names.join(', ')}, origin, seq, schema_version, chain, superseded)
      SELECT ${values.join(', ')}, ?, ? + key, ?, substr(?, key * 32 + 1, 32), ? FROM json_each(?)`;
    statements.set(table, sql);
  }
  return sql;
}

function hasFractions(table: Table): boolean {
  return table.columns.some(({ type }) => type === 'REAL');
}
