/**
 * Rows that a replica misses and the log does not give it: they come from a peer, or, once nobody has them, are given up.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Replica } from '../src/replica.ts';
import { MemoryCluster, MemoryPeers, waitUntil } from '../testing/index.ts';
import { expectEqual, insertNotes, untilPublished } from '../testing/note-replicas.ts';

let cluster: MemoryCluster;

beforeEach(() => {
  cluster = new MemoryCluster({ peers: new MemoryPeers() });
});
afterEach(() => cluster.close());

/** Replica `b` has ten rows and is away while `a` publishes so many more; all are in one partition. */
async function leaveBehind(rows: number): Promise<{ a: Replica; partition: number }> {
  const [a, b] = await cluster.allLive('a', 'b');
  await insertNotes(a, 'a', 10);
  await expectEqual(10, a, b);
  await cluster.stop('b');
  await insertNotes(a, 'more', rows);
  await untilPublished(a);
  return { a, partition: cluster.usedPartition() };
}

/** A repair is counted after its rows are there to be read. */
async function untilRepairCounted(replica: Replica): Promise<void> {
  await waitUntil('the repair is counted', async () => (await replica.status()).counters.repaired > 0);
}

describe('when retention has cut the log', () => {
  it('a replica that was away gets the missing rows from a peer', async () => {
    const { a, partition } = await leaveBehind(50);
    cluster.broker.retain(partition, 40);
    const { replica: again } = await cluster.start('b');
    await expectEqual(60, a, again);
    await untilRepairCounted(again);
  });
});

describe('when an origin is stalled', () => {
  it('the missing rows come from a peer', async () => {
    const { a, partition } = await leaveBehind(10);
    const { value } = cluster.broker.records(partition)[12] ?? {};
    cluster.broker.alter(partition, 12, { value: Buffer.from(value ?? '').fill(0x20, 0, 4) });
    const { replica: again } = await cluster.start('b');
    await expectEqual(20, a, again);
    await untilRepairCounted(again);
    const { counters } = await again.status();
    expect(counters.stalls).toBe(1);
    expect(counters.quarantined).toBe(1);
  });

  it('by a batch that cannot be decoded, the missing rows come from a peer', async () => {
    const { a, partition } = await leaveBehind(10);
    cluster.broker.makeUnreadable(partition, 12, 17);
    const { replica: again } = await cluster.start('b');
    await expectEqual(20, a, again);
    await untilRepairCounted(again);
    const { counters, stalled } = await again.status();
    expect(counters).toMatchObject({ quarantined: 1, relinks: 0, readersReplaced: 0 });
    expect(stalled).toEqual([]);
  });

  it('it is dismissed once every known replica lacks the rows, and harms nobody', async () => {
    const [a, b] = await cluster.allLive('a', 'b');
    await insertNotes(a, 'a', 10);
    await expectEqual(10, a, b);
    await cluster.lose('a');
    const partition = cluster.usedPartition();
    const { value } = cluster.broker.records(partition)[4] ?? {};
    cluster.broker.alter(partition, 4, { value: Buffer.from(value ?? '').fill(0x20, 0, 4) });
    await cluster.lose('b');
    const { replica: c } = await cluster.start('c');
    const { replica: d } = await cluster.start('d');
    await waitUntil('the stall is dismissed', async () => (await c.status()).stalled[0]?.dismissed === true);
    expect(c.readiness().ready).toBe(true);
    await insertNotes(c, 'c', 3);
    await waitUntil('others go on', async () => (await d.status()).rows === 7 && c.digest() === d.digest());
  });
});
