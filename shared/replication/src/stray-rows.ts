/**
 * Stray rows: what is in the tables and belongs to nobody's history.
 *
 * Recomputing chains reads the places 1..seq of each origin. A row beyond them, of an origin that is not known, a
 * second one at a taken place, or one whose mark `superseded` is wrong changes what readers see and no chain. Each
 * question is one statement, so it sees one moment, whatever is being written.
 */
import type { Database } from './sqlite.ts';
import type { Table } from './table.ts';

/** A row that should not be, or not be so. */
export interface StrayRow {
  /** Name of the origin, or `?` where the row has none. */
  readonly origin: string;
  readonly seq: number;
  readonly what: string;
}

/** Strays told of each table and kind at most. */
const TOLD = 10;

/** Looks through all tables; empty when all is well. */
export async function findStrayRows(
  reader: Database['reader'],
  tables: readonly Table[],
): Promise<readonly StrayRow[]> {
  const names = [...tables.map(({ name }) => name), 'replication_hidden'];
  const found: StrayRow[] = [];
  const ask = async (sql: string, what: string): Promise<void> => {
    const rows = await reader.all<{ name: string | null; seq: number }>(`${sql} LIMIT ${TOLD}`);
    found.push(...rows.map(({ name, seq }) => ({ origin: name ?? '?', seq, what })));
  };
  for (const name of names) {
    await ask(
      `SELECT o.name, r.seq FROM ${name} r LEFT JOIN replication_origin o ON o.id = r.origin
       WHERE o.id IS NULL OR r.seq > o.seq OR r.seq < 1`,
      `${name} holds a row that is in no origin's history`,
    );
    for (const other of names.slice(names.indexOf(name) + 1)) {
      await ask(
        `SELECT o.name, r.seq FROM ${other} r JOIN ${name} n ON n.origin = r.origin AND n.seq = r.seq
         LEFT JOIN replication_origin o ON o.id = r.origin`,
        `${name} and ${other} both hold a row at this place`,
      );
    }
  }
  for (const { name, columns } of tables) {
    for (const { name: column, since } of columns.filter((one) => one.since > 1)) {
      await ask(
        `SELECT o.name, r.seq FROM ${name} r LEFT JOIN replication_origin o ON o.id = r.origin
         WHERE r.schema_version < ${since} AND r.${column} IS NOT NULL`,
        `${name}.${column} has a value in a row that was written before there was this column`,
      );
    }
  }
  for (const { name, primaryKey: key, createdAt: time } of tables) {
    await ask(
      `SELECT o.name, r.seq FROM ${name} r JOIN replication_origin o ON o.id = r.origin
       WHERE r.superseded <> 0 AND NOT EXISTS (
         SELECT 1 FROM ${name} s JOIN replication_origin p ON p.id = s.origin
         WHERE s.superseded = 0 AND s.${key} = r.${key} AND (s.${time}, p.name, s.seq) < (r.${time}, o.name, r.seq))`,
      `${name} hides a row that no other row supersedes`,
    );
  }
  return found;
}
