import { afterEach, describe, expect, it } from 'vitest';
import { insertRows, type PlacedRow } from '../src/row-insert.ts';
import type { SqliteClient } from '../src/sqlite-driver.ts';
import type { Row } from '../src/table.ts';
import { chooseSqliteClient, ForeignRun, note, openWorkbench, originName } from '../testing/index.ts';

const clients: readonly SqliteClient[] = ['sqlite3', 'better-sqlite3'];
afterEach(() => chooseSqliteClient('sqlite3'));

describe.each(clients)('rows that are stored through %s', (client) => {
  // Notes have fractions, which are bound whatever the driver is.
  it.each(['notes', 'tags'])('into %s are read back as the events that they came as', async (name) => {
    chooseSqliteClient(client);
    const bench = await openWorkbench();
    try {
      const table = bench.table(name);
      const rowOf = (text: string): Row =>
        name === 'notes' ? note(text) : { tag: text, created_at: '2026-01-02T03:04:05.678Z' };
      const run = new ForeignRun(originName('b'));
      const origin = bench.origins.fresh(run.origin, { isMinted: false });
      const events = Array.from({ length: 300 }, (_, i) => run.write(rowOf(`b${i} "ä" \\ ✓`), { table }));
      const rows: PlacedRow[] = events.map((event) => ({
        ...event,
        table,
        row: table.decode(event.bytes, event.schemaVersion),
        originId: origin.id,
        originName: origin.name,
      }));
      await insertRows(bench.database.writer, [...rows.slice(0, 2), ...rows.slice(3)]);
      await insertRows(bench.database.writer, rows.slice(2, 3), 1);
      const range = { after: 0, upTo: 300, limit: 300 };
      const stored = await bench.history.read(bench.database.reader, origin, range);
      expect(stored).toMatchObject(events);
      const superseded = await bench.database.reader.all(`SELECT seq FROM ${name} WHERE superseded = 1`);
      expect(superseded).toEqual([{ seq: 3 }]);
      await expect(insertRows(bench.database.writer, rows.slice(5, 6))).rejects.toMatchObject({
        code: 'key-taken',
      });
    } finally {
      await bench.close();
    }
  });
});
