import { readdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeLog } from '../../src/change-log.ts';
import type { Replica } from '../../src/replica.ts';
import { MemoryCluster, MemoryPeers, waitUntil, wrappedReads } from '../../testing/index.ts';
import { expectEqual, insertNotes } from '../../testing/note-replicas.ts';

let cluster: MemoryCluster;

beforeEach(() => {
  cluster = new MemoryCluster({ peers: new MemoryPeers(), pace: 4 });
});
afterEach(() => cluster.close());

/** Overwrites the middle of the first page of a database that nobody has open. */
async function damage(id: string): Promise<void> {
  const file = await open(join(cluster.folder(id), 'notes.db'), 'r+');
  try {
    await file.write(Buffer.alloc(3000, 0xff), 0, 3000, 100);
  } finally {
    await file.close();
  }
}

const stateOf = async (replica: Replica) => (await replica.status()).damage.state;
const isSetAside = (id: string): boolean =>
  readdirSync(cluster.folder(id)).some((name) => /damaged/.test(name) && !name.endsWith('.json'));

/** Resolves when a replica has announced its damage so. */
async function hearing(id: string, damage: string): Promise<void> {
  let isHeard = false;
  const forget = cluster.broker.announcements.listen({
    hear: ({ key, value }) => {
      isHeard ||= key === id && JSON.parse(value.toString()).damage === damage;
    },
    broke: () => undefined,
  });
  await waitUntil(`${id} has announced that its damage is ${damage}`, () => isHeard).finally(forget);
}

/** A log whose reader waits for `gate` once the file of `a` is set aside. */
function gated(gate: Promise<void>): (log: ChangeLog) => ChangeLog {
  return (log) =>
    wrappedReads(log, async (read, reader) => {
      if (isSetAside('a')) await gate;
      return reader.take(read);
    });
}

describe('two replicas that are damaged at once', () => {
  it('are rebuilt one after the other, here from the log alone: the second keeps its file till then', async () => {
    const [a, b] = await cluster.allLive('a', 'b');
    await insertNotes(a, 'a', 40);
    await insertNotes(b, 'b', 40);
    await expectEqual(80, a, b);
    await cluster.stop('a');
    await cluster.stop('b');
    await damage('a');
    await damage('b');

    const gate = Promise.withResolvers<void>();
    const starting = cluster.start('a', { wrapLog: gated(gate.promise) });
    // Whoever hears nobody for a while takes its turn: both at once, on a machine that is slow for a moment.
    await hearing('a', 'waiting');
    const [first, second] = await Promise.all([starting, cluster.start('b')]);
    // Who waits answers after a while, though with nothing.
    expect(await stateOf(first.replica)).toBe('set-aside');
    expect(await stateOf(second.replica)).toBe('held');
    expect(second.replica.readiness().ready).toBe(false);
    expect([isSetAside('a'), isSetAside('b')]).toEqual([true, false]);

    gate.resolve();
    await waitUntil('a is rebuilt', async () => (await stateOf(first.replica)) === 'none');
    await waitUntil('b ends, to be started again', () => second.failures.length > 0);
    expect(second.failures).toMatchObject([{ code: 'database-damaged' }]);
    await cluster.stop('b');
    const { replica: again } = await cluster.start('b');
    await waitUntil('b is rebuilt', async () => (await stateOf(again)) === 'none');
    expect(isSetAside('b')).toBe(true);
    await expectEqual(80, first.replica, again);
    const { last } = (await again.status()).damage;
    expect(last).toMatchObject({ lost: 0, salvaged: 0, renewed: 0 });
  });
});
