/**
 * The check of the schema: a bit that flips in its text leaves a database that SQLite finds whole, with a column or a
 * table of another name.
 *
 * Held against tables made anew in memory. Columns that came with a later version may be missing, others may not.
 */
import { createTables, isLaterColumn, LATER_TABLES } from '../schema.ts';
import { type Connection, openConnection } from '../sqlite.ts';
import type { Table } from '../table.ts';

/** Layout versions above this one are no layouts. */
const LARGEST_LAYOUT = 1000;

/** What is wrong with the schema; undefined where it is as this build or an earlier one made it, or not made yet. */
export async function findSchemaDamage(
  connection: Pick<Connection, 'all'>,
  tables: readonly Table[],
): Promise<string | undefined> {
  const [found] = await connection.all<{ user_version: number }>('PRAGMA user_version');
  const layout = found?.user_version ?? 0;
  if (layout < 0 || layout > LARGEST_LAYOUT) return `its layout is said to be version ${layout}`;
  const present = await columnsOf(connection);
  if (layout === 0 && present.size === 0) return undefined;
  const expected = await expectedColumns(tables);
  for (const [table, columns] of expected) {
    const there = present.get(table);
    const described = tables.find(({ name }) => name === table);
    // A described table may be new; those of the library were made together, but for a few.
    if (!there && !described && !LATER_TABLES.has(table)) return `table ${table} is not there`;
    const isLate = (name: string): boolean =>
      isLaterColumn(table, name) ||
      (described?.columns.find((column) => column.name === name)?.since ?? 1) > 1;
    const missing = there && [...columns].find((name) => !there.has(name) && !isLate(name));
    if (missing !== undefined) return `table ${table} has no column ${missing}`;
  }
  return undefined;
}

async function expectedColumns(tables: readonly Table[]): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const memory = await openConnection(':memory:');
  try {
    await createTables(memory, tables);
    return await columnsOf(memory);
  } finally {
    await memory.close();
  }
}

async function columnsOf(connection: Pick<Connection, 'all'>): Promise<Map<string, ReadonlySet<string>>> {
  const rows = await connection.all<{ table_name: string; column_name: string }>(
    `SELECT m.name AS table_name, c.name AS column_name
     FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'`,
  );
  const byTable = Map.groupBy(rows, (row) => row.table_name);
  return new Map(
    [...byTable].map(([table, columns]) => [table, new Set(columns.map((row) => row.column_name))]),
  );
}
