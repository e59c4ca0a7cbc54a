/**
 * How a replica without a database comes to one, from a peer or from the log, and what it does until then.
 */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openConnection } from '../src/sqlite.ts';
import { MemoryCluster, MemoryPeers, note, waitUntil } from '../testing/index.ts';
import { expectEqual, insertNotes } from '../testing/note-replicas.ts';

let peers: MemoryPeers;
let cluster: MemoryCluster;

beforeEach(() => {
  peers = new MemoryPeers();
  cluster = new MemoryCluster({ peers });
});
afterEach(() => cluster.close());

describe('a new replica', () => {
  it('is built from a snapshot of a live peer, and goes on from its positions', async () => {
    const [a, b] = await cluster.allLive('a', 'b');
    await insertNotes(a, 'a', 120);
    await insertNotes(b, 'b', 80);
    await expectEqual(200, a, b);
    const { replica: c } = await cluster.start('c', { limits: { snapshotMinRecords: 1 } });
    await waitUntil('c is live', () => c.readiness().ready);
    expect((await c.status()).counters.applied).toBe(0);
    await insertNotes(c, 'c', 10);
    await insertNotes(a, 'more', 10);
    await expectEqual(220, a, b, c);
    await cluster.stop('c');
    const { replica: again } = await cluster.start('c');
    await expectEqual(220, a, b, again);
  });

  it('takes no writes before it is live', async () => {
    const [a] = await cluster.allLive('a');
    await insertNotes(a, 'a', 50);
    await expectEqual(50, a);
    const { replica: c } = await cluster.start('c', { limits: { snapshotMinRecords: 1 } });
    await expect(c.insert('notes', note('early'), { concern: 'local' })).rejects.toMatchObject({
      code: 'not-ready',
    });
    await expectEqual(50, a, c);
  });

  it('refuses a damaged snapshot and replays the log instead', async () => {
    const [a] = await cluster.allLive('a');
    await insertNotes(a, 'a', 100);
    await expectEqual(100, a);
    let parts = 0;
    peers.spoil = (part) => {
      parts += 1;
      if (parts % 2 === 0) part[part.length >> 1] = (part[part.length >> 1] ?? 0) ^ 1;
      return part;
    };
    const { replica: c } = await cluster.start('c', { limits: { snapshotMinRecords: 1 } });
    await expectEqual(100, a, c);
    expect((await c.status()).counters.applied).toBe(100);
    expect(parts).toBeGreaterThan(1);
  });

  it.each([
    ['changed', "UPDATE notes SET text = 'changed' WHERE note_id = 'a7'"],
    ['hidden', "UPDATE notes SET superseded = 1 WHERE note_id = 'a7'"],
  ])(
    'refuses a snapshot of a donor of whose rows one was %s, and replays the log instead',
    async (_, sql) => {
      const [a] = await cluster.allLive('a');
      await insertNotes(a, 'a', 20);
      await expectEqual(20, a);
      const other = await openConnection(join(cluster.folder('a'), 'notes.db'));
      await other.execute(sql);
      await other.close();
      const { replica: c } = await cluster.start('c', { limits: { snapshotMinRecords: 1 } });
      await waitUntil('c is live', () => c.readiness().ready);
      expect((await c.status()).counters.applied).toBe(20);
      expect((await c.deepCheck()).problems).toEqual([]);
    },
  );

  it('needs a snapshot where the log does not start at 0, and says so where nobody can give one', async () => {
    const [a] = await cluster.allLive('a');
    await insertNotes(a, 'a', 60);
    await expectEqual(60, a);
    cluster.broker.retain(cluster.usedPartition(), 30);
    const { replica: b } = await cluster.start('b');
    await expectEqual(60, a, b);
    await cluster.stop('a');
    await cluster.stop('b');
    const { replica: c } = await cluster.start('c');
    await waitUntil('c has stopped', async () => (await c.status()).state === 'stopped');
    expect((await c.status()).stopReason).toMatch(/starts at 30/);
  });
});
