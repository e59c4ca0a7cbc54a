/**
 * A log that is not the one that a replica read before, seen from outside. Whatever happens, nothing of it may be
 * skipped, and nothing may be written to a log that is somebody else's.
 */
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeLog } from '../src/change-log.ts';
import type { Replica } from '../src/replica.ts';
import {
  ForeignRun,
  MemoryBroker,
  MemoryCluster,
  note,
  originName,
  untilRow,
  waitUntil,
  wrappedReads,
} from '../testing/index.ts';
import { expectEqual, insertNotes, untilPublished } from '../testing/note-replicas.ts';

let cluster: MemoryCluster;
let broker: MemoryBroker;

beforeEach(() => {
  broker = new MemoryBroker({ partitions: 1 });
  cluster = new MemoryCluster({ broker });
});
afterEach(() => cluster.close());

const live = (id: string): Promise<Replica> => cluster.live(id, { limits: { standstillMs: 5000 } });
const stranger = () => new ForeignRun(originName('z'));

describe('a log that is not the one that was read before', () => {
  it('is noticed at the start although it is as long, and nothing of it is skipped', async () => {
    const first = await live('a');
    await Promise.all(['a1', 'a2', 'a3'].map((id) => first.insert('notes', note(id), { concern: 'log' })));
    await waitUntil('all is read back', async () => (await first.status()).unpublished === 0);
    await cluster.stop(first);
    const run = stranger();
    broker.recreate();
    cluster.append(run, 'n1', 'n2', 'n3', 'n4', 'n5');
    const second = await live('a');
    await untilRow(second, run.origin, 5);
    await waitUntil(
      'its own rows are in the log again',
      async () => (await second.status()).unpublished === 0,
    );
    expect(second.vector()[first.origin]?.seq).toBe(3);
    expect((await second.status()).counters.relinks).toBe(1);
    expect(broker.allRecords()).toHaveLength(8);
  });

  it.each([
    ['recreated', () => broker.recreate()],
    ['cut to nothing at its end', () => broker.truncate(0, 0)],
  ])(
    'is noticed without any outage when it was %s and refilled beyond the position between two reads',
    async (_, exchange) => {
      const replica = await live('a');
      await Promise.all(['a1', 'a2'].map((id) => replica.insert('notes', note(id), { concern: 'log' })));
      await waitUntil('all is read back', async () => (await replica.status()).unpublished === 0);
      // In one turn of the event loop, so that neither a read nor the guard falls in between.
      exchange();
      const run = stranger();
      cluster.append(run, 'n1', 'n2', 'n3', 'n4', 'n5');
      await waitUntil('it is noticed', async () => (await replica.status()).counters.relinks > 0);
      await untilRow(replica, run.origin, 5);
      await waitUntil('its own rows are in the log again', () => broker.allRecords().length === 7);
      expect(replica.readiness().ready).toBe(true);
      expect((await replica.status()).counters.relinks).toBe(1);
    },
  );

  it('nothing is written to before it is known to be the same', async () => {
    const first = await live('a');
    await first.insert('notes', note('a1'), { concern: 'log' });
    await waitUntil('all is read back', async () => (await first.status()).unpublished === 0);
    broker.setReachable(false);
    await first.insert('notes', note('a2'), { concern: 'local' });
    await cluster.stop(first);
    broker.setReachable(true);
    broker.recreate();
    const foreign = { key: null, value: Buffer.from('not ours'), headers: {} };
    for (let i = 0; i < 5; i += 1) broker.appendRaw(0, foreign);

    const { replica } = await cluster.start('a');
    await waitUntil('it stops', async () => (await replica.status()).state === 'stopped');
    expect(broker.allRecords()).toHaveLength(5);
    expect(await replica.status()).toMatchObject({ rows: 2, quarantined: 0, writable: false });
    expect(replica.readiness().ready).toBe(false);
  });

  it('is not written to either when it took the place of ours during an outage', async () => {
    const replica = await live('a');
    await replica.insert('notes', note('a1'), { concern: 'log' });
    await waitUntil('all is read back', async () => (await replica.status()).unpublished === 0);
    broker.setReachable(false);
    await replica.insert('notes', note('a2'), { concern: 'local' });
    await waitUntil('it is noticed', async () => !(await replica.status()).logReachable);
    broker.recreate();
    for (let i = 0; i < 5; i += 1) broker.appendRaw(0, { key: null, value: Buffer.from('x'), headers: {} });
    broker.setReachable(true);
    await waitUntil('it stops', async () => {
      const status = await replica.status();
      return status.state === 'stopped' || JSON.stringify(status);
    });
    expect(broker.allRecords()).toHaveLength(5);
  });

  it('is not written to between the read that shows it and the look that deals with it', async () => {
    let isExchanged = false;
    let replica: Replica | undefined;
    const writing = (log: ChangeLog): ChangeLog =>
      wrappedReads(log, async (read, reader) => {
        const answer = await reader.take(read);
        // A client writes in this very moment, and the publisher has its turn.
        if (isExchanged)
          await replica?.insert('notes', note('late'), { concern: 'local' }).catch(() => undefined);
        for (let turn = 0; isExchanged && turn < 50; turn += 1) await setImmediate();
        return answer;
      });
    replica = await cluster.live('a', { wrapLog: writing });
    await replica.insert('notes', note('a1'), { concern: 'log' });
    await waitUntil('all is read back', async () => (await replica?.status())?.unpublished === 0);
    isExchanged = true;
    broker.recreate({ areReadersInterrupted: true });
    for (let i = 0; i < 5; i += 1) broker.appendRaw(0, { key: null, value: Buffer.from('x'), headers: {} });
    await waitUntil('it stops', async () => (await replica?.status())?.state === 'stopped');
    expect(broker.allRecords()).toHaveLength(5);
  });

  it("and is somebody else's is not touched by a new replica, either", async () => {
    for (let i = 0; i < 5; i += 1) broker.appendRaw(0, { key: null, value: Buffer.from('x'), headers: {} });
    const { replica } = await cluster.start('a');
    await waitUntil('it stops', async () => (await replica.status()).state === 'stopped');
    expect((await replica.status()).stopReason).toMatch(/somebody else/);
    expect(broker.allRecords()).toHaveLength(5);
  });
});

describe("when the log is somebody else's", () => {
  it('it stops, applies nothing, publishes nothing, and goes on only when told to', async () => {
    // Of several partitions, as a stranger's rows need not be where ours would be.
    cluster.broker = new MemoryBroker();
    const [a] = await cluster.allLive('a');
    await insertNotes(a, 'a', 5);
    await expectEqual(5, a);
    await cluster.stop('a');
    const other = new MemoryBroker();
    const { replica: stranger } = await cluster.start('x', { broker: other, cluster: 'another' });
    await waitUntil('the stranger is live', () => stranger.readiness().ready);
    await insertNotes(stranger, 'x', 20);
    await untilPublished(stranger, 'the stranger has published');
    await cluster.stop('x');
    const before = other.allRecords().length;

    const { replica: again } = await cluster.start('a', { broker: other });
    await waitUntil('it stops', async () => (await again.status()).state === 'stopped');
    expect((await again.status()).stopReason).toMatch(/somebody else/);
    expect(again.readiness().ready).toBe(false);
    expect(() => again.assertReadable()).toThrow(/stopped/);
    expect((await again.status()).rows).toBe(5);
    expect((await again.status()).quarantined).toBe(0);
    expect(other.allRecords()).toHaveLength(before);

    again.acceptLog();
    await waitUntil(
      'its rows are in the log',
      async () => (await again.status()).unpublished === 0 && (await again.status()).state === 'live',
    );
    expect((await again.status()).quarantined).toBe(20);
    expect(other.allRecords()).toHaveLength(before + 5);
  });
});
