import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createChain } from '../../src/chain.ts';
import { checkFile } from '../../src/damage/file-check.ts';
import { createTables } from '../../src/schema.ts';
import { openDatabase } from '../../src/sqlite.ts';
import { chooseSqliteClient, type SqliteClient } from '../../src/sqlite-driver.ts';
import { realSurroundings, silentLogger } from '../../src/surroundings.ts';
import { defineTable } from '../../src/table.ts';
import { notesDatabase, startReplica, temporaryDirectory } from '../../testing/index.ts';

const clients: readonly SqliteClient[] = ['sqlite3', 'better-sqlite3'];
const tables = notesDatabase.tables.map(defineTable);
const chain = createChain({ cluster: 'test', secret: 'a secret of sixteen and more' });
const { clock } = realSurroundings(silentLogger);

/** Where the number of the layout stands, whose larger values are those of newer builds. */
const LAYOUT_AT = 60;

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => {
  chooseSqliteClient('sqlite3');
  directory.remove();
});

/** What becomes of a write. */
async function write(file: string): Promise<string> {
  try {
    const { writer, close } = await openDatabase({ file });
    try {
      await createTables(writer, tables);
      await writer.execute('CREATE TABLE one (a); DROP TABLE one;');
      return 'written';
    } finally {
      await close();
    }
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

describe.each(clients)('a bit flipped in the header of a database (%s)', (client) => {
  // Page size, versions and fractions; format, cache, largest root and encoding. The rest is counts and free text.
  const places = [...Array(LAYOUT_AT).keys()].filter((at) => (at >= 16 && at < 24) || at >= 44);

  it('is found as damage, or hinders nobody', async () => {
    chooseSqliteClient(client);
    const { replica } = await startReplica('a', { directory: directory.path });
    await replica.stop();
    const file = join(directory.path, 'a', 'notes.db');
    const whole = readFileSync(file);
    const others: string[] = [];
    let found = 0;
    for (const at of places.flatMap((place) => [1, 4, 64].map((bit) => ({ place, bit })))) {
      const bytes = Buffer.from(whole);
      bytes[at.place] = (bytes[at.place] ?? 0) ^ at.bit;
      for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
      writeFileSync(file, bytes);
      const { version: schemaVersion } = notesDatabase;
      const finding = await checkFile({ file, tables, schemaVersion, chain, clock, budgetMs: 0 });
      if (finding?.isCertain) found += 1;
      const became = finding ? 'found' : await write(file);
      if (!['found', 'written', 'database-damaged'].includes(became))
        others.push(`byte ${at.place}, bit ${at.bit}: ${became}`);
    }
    expect(others).toEqual([]);
    expect(found).toBeGreaterThan(20);
  });
});
