import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimDirectory } from '../src/directory.ts';
import { openWorkbench, type Workbench } from '../testing/index.ts';

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

  it('goes along with a newer build and then refuses the older one', async () => {
    await claimDirectory(bench.database.writer, { ...claim, schemaVersion: 3 });
    await expect(claimDirectory(bench.database.writer, claim)).rejects.toMatchObject({
      code: 'directory-refused',
      message: expect.stringContaining('schema version 3'),
    });
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
