import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimDirectory } from '../src/directory.ts';
import { note, openWorkbench, type Workbench } from '../testing/index.ts';

let bench: Workbench;
const claim = { replicaId: 'order-1', cluster: 'test', schemaVersion: 2 };

beforeEach(async () => {
  bench = await openWorkbench();
  await claimDirectory(bench.database.writer, claim);
});
afterEach(() => bench.close());

describe('a data directory', () => {
  it('is given back to the replica that claimed it', async () => {
    await expect(claimDirectory(bench.database.writer, claim)).resolves.toBeUndefined();
  });

  it('goes back to an older build as long as it holds no row of the newer one', async () => {
    await claimDirectory(bench.database.writer, { ...claim, schemaVersion: 3 });
    await bench.writer.insert(bench.table('notes'), note('n1'));
    await claimDirectory(bench.database.writer, claim);
    const rows = await bench.database.reader.all('SELECT schema_version FROM replication_replica');
    expect(rows).toEqual([{ schema_version: 2 }]);
  });

  it.each([
    ['a table', `UPDATE notes SET schema_version = 3`],
    [
      'a table that only the newer build has',
      `CREATE TABLE later AS SELECT origin, seq, 3 AS schema_version, chain FROM notes`,
    ],
    [
      'the hidden rows',
      `INSERT INTO replication_hidden SELECT origin, 2, 'notes', 3, chain, x'00', 'no' FROM notes`,
    ],
  ])('that holds a row of a newer build in %s is refused to the older one', async (_, sql) => {
    const { writer: connection } = bench.database;
    await bench.writer.insert(bench.table('notes'), note('n1'));
    await claimDirectory(connection, { ...claim, schemaVersion: 3 });
    await connection.execute(sql);
    await expect(claimDirectory(connection, claim)).rejects.toMatchObject({
      code: 'directory-refused',
      message: expect.stringContaining('rows of schema version 3'),
      hint: expect.stringContaining('newer build'),
    });
    await claimDirectory(connection, { ...claim, schemaVersion: 3 });
  });

  it.each([
    ['another replica id', { replicaId: 'order-2' }, /belongs to replica order-1, not order-2/],
    ['another cluster', { cluster: 'prod' }, /belongs to cluster test, not prod/],
  ])('is refused to %s in plain words', async (_, change, words) => {
    await expect(claimDirectory(bench.database.writer, { ...claim, ...change })).rejects.toMatchObject({
      code: 'directory-refused',
      message: expect.stringMatching(words),
    });
    const rows = await bench.database.reader.all('SELECT replica_id, cluster FROM replication_replica');
    expect(rows).toEqual([{ replica_id: 'order-1', cluster: 'test' }]);
  });
});
