import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { History } from '../src/history.ts';
import { createTables } from '../src/schema.ts';
import { type Database, openDatabase } from '../src/sqlite.ts';
import { defineTable, type TableDescription } from '../src/table.ts';
import { note, notes, notesDatabase, openWorkbench, temporaryDirectory } from '../testing/index.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;
let database: Database | undefined;

beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory.path, 'notes.db');
});
afterEach(async () => {
  await database?.close();
  database = undefined;
  directory.remove();
});

const grown: TableDescription = {
  ...notes,
  columns: notes.columns.extend({ colour: z.string().nullable() }),
  since: { colour: 2 },
  indexes: [...(notes.indexes ?? []), ['colour']],
};

describe('the tables of a file', () => {
  it('are created once and left alone afterwards', async () => {
    const bench = await openWorkbench({ file });
    await bench.writer.insert(bench.table('notes'), note('n1'));
    await createTables(bench.database.writer, bench.tables);
    expect(await bench.database.reader.all('SELECT note_id FROM notes')).toEqual([{ note_id: 'n1' }]);
    await bench.close();
  });

  it('get the columns and indexes of a later version, and older rows keep their chain', async () => {
    const bench = await openWorkbench({ file });
    await bench.writer.insert(bench.table('notes'), note('n1'));
    const [before] = await bench.history.read(bench.database.reader, bench.origins.list()[0] ?? bench.own, {
      after: 0,
      upTo: 1,
      limit: 1,
    });
    await bench.close();

    const tables = [grown, ...notesDatabase.tables.slice(1)].map(defineTable);
    database = await openDatabase({ file });
    await createTables(database.writer, tables);
    expect(await database.reader.all('SELECT note_id, colour FROM notes')).toEqual([
      { note_id: 'n1', colour: null },
    ]);
    const own = { ...bench.own, seq: 1, chain: before?.chain ?? Buffer.alloc(0) };
    expect(await new History(tables).read(database.reader, own, { after: 0, upTo: 1, limit: 1 })).toEqual([
      before,
    ]);
  });

  it('are refused where a newer build has laid them out', async () => {
    database = await openDatabase({ file });
    await database.writer.execute('PRAGMA user_version = 2');
    await expect(createTables(database.writer, [])).rejects.toMatchObject({ code: 'directory-refused' });
  });

  it('allow one shown row a key and any number of superseded ones', async () => {
    const bench = await openWorkbench({ file });
    await bench.writer.insert(bench.table('notes'), note('n1'));
    const copy = (seq: number, superseded: number) =>
      bench.database.writer.run(
        `INSERT INTO notes SELECT note_id, text, stars, weight, created_at, origin, ?, schema_version, chain, ? FROM notes WHERE seq = 1`,
        [seq, superseded],
      );
    await expect(copy(2, 0)).rejects.toMatchObject({ code: 'key-taken' });
    await copy(2, 1);
    await copy(3, 1);
    await expect(copy(3, 1)).rejects.toMatchObject({ code: 'key-taken' });
    await bench.close();
  });
});
