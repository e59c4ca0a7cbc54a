import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Replica } from '../src/replica.ts';
import { parseToken } from '../src/token.ts';
import { type MemoryBroker, MemoryCluster, note, untilLive, waitUntil } from '../testing/index.ts';

let cluster: MemoryCluster;
let broker: MemoryBroker;

beforeEach(() => {
  cluster = new MemoryCluster();
  broker = cluster.broker;
});
afterEach(() => cluster.close());

const insert = (replica: Replica, id: string, concern: 'local' | 'log' = 'local') =>
  replica.insert('notes', note(id), { concern });

describe('an isolated replica', () => {
  it('is a plain database: ready at once, nothing leaves it', async () => {
    const replica = await cluster.isolated('a');
    expect(replica.readiness()).toEqual({ ready: true, reasons: [] });
    const { token } = await insert(replica, 'n1');
    await insert(replica, 'n2', 'log');
    await replica.covers(parseToken(token));
    expect(await replica.status()).toMatchObject({
      state: 'live',
      rows: 2,
      unpublished: 0,
      lag: { records: null, ms: null },
      positions: [],
      writable: true,
      logReachable: false,
    });
    expect((await replica.deepCheck()).problems).toEqual([]);
  });
});

describe('while the broker is away', () => {
  it('a new replica is not ready and serves nothing; it begins when the broker comes', async () => {
    broker.setReachable(false);
    const { replica } = await cluster.start('a');
    expect(replica.readiness()).toEqual({ ready: false, reasons: ['state is starting'] });
    expect(() => replica.assertReadable()).toThrow(/has not reached the log/);
    await expect(insert(replica, 'n1')).rejects.toMatchObject({ code: 'not-ready', isRetryable: true });
    broker.setReachable(true);
    await waitUntil('it is ready', () => replica.readiness().ready);
    await insert(replica, 'n1');
  });

  it('a replica that has data starts, reads and writes, and says that its lag is unknown', async () => {
    const first = await cluster.live('a');
    await insert(first, 'n1');
    await first.stop();
    broker.setReachable(false);
    const { replica } = await cluster.start('a');
    await waitUntil('it is ready', () => replica.readiness().ready);
    replica.assertReadable();
    await insert(replica, 'n2');
    expect(await replica.status()).toMatchObject({
      state: 'live',
      rows: 2,
      writable: true,
      logReachable: false,
      lag: { records: null, ms: null },
    });
    broker.setReachable(true);
    await waitUntil('all is published', async () => (await replica.status()).unpublished === 0);
    expect((await replica.status()).lag.records).toBe(0);
  });

  it('a replica that was live goes on, up to the high-water mark, and again when the broker is back', async () => {
    const replica = await cluster.live('a', { limits: { maxUnpublished: 10 } });
    broker.setReachable(false);
    for (let i = 0; i < 10; i += 1) await insert(replica, `n${i}`);
    await expect(insert(replica, 'over')).rejects.toMatchObject({
      code: 'too-many-unpublished',
      isRetryable: true,
    });
    expect(await replica.status()).toMatchObject({
      state: 'live',
      rows: 10,
      unpublished: 10,
      writable: false,
    });
    expect(replica.readiness().ready).toBe(true);
    expect(await replica.reads.all('SELECT 1 FROM notes')).toHaveLength(10);
    broker.setReachable(true);
    await waitUntil('it is writable', async () => (await replica.status()).writable);
    await insert(replica, 'more');
    await waitUntil('all is published', async () => (await replica.status()).unpublished === 0);
    expect(broker.allRecords()).toHaveLength(11);
  });

  it('and one alone is cut off, the others go on, and all are equal afterwards', async () => {
    const { replica: a, client } = await cluster.start('a');
    await untilLive(a);
    const b = await cluster.live('b');
    client.setCut(true);
    await insert(a, 'a1');
    await insert(b, 'b1');
    await waitUntil('b has published', async () => (await b.status()).unpublished === 0);
    expect(Object.keys(b.vector())).toHaveLength(1);
    client.setCut(false);
    await waitUntil('equal', () => a.digest() === b.digest() && b.vector()[a.origin]?.seq === 1);
  });
});

describe('a row that the broker finds too large', () => {
  it('is an alarm in the status; the replica reads, writes and applies, and publishes it once it may', async () => {
    const [a, b] = [await cluster.live('a'), await cluster.live('b')];
    broker.setMaxBytes(1000);
    await a.insert('notes', note('large', 'x'.repeat(2000)), { concern: 'local' });
    const alarm = { code: 'event-too-large', origin: a.origin, seq: 1, bytes: expect.any(Number) };
    await waitUntil('it says so', async () => (await a.status()).alarms.length === 1);
    expect((await a.status()).alarms).toEqual([alarm]);
    await insert(a, 'a2');
    await insert(b, 'b1');
    await waitUntil('it has what the other wrote', async () => (await a.status()).rows === 3);
    expect(await a.status()).toMatchObject({ state: 'live', writable: true, unpublished: 2 });
    expect(a.readiness().ready).toBe(true);
    broker.setMaxBytes(10_000);
    await waitUntil('the other has all', () => a.digest() === b.digest());
    expect((await a.status()).alarms).toEqual([]);
  });
});

describe('Write-Concern: log', () => {
  it('is answered after the log has the row', async () => {
    const replica = await cluster.live('a');
    await insert(replica, 'n1', 'log');
    expect(broker.allRecords()).toHaveLength(1);
  });

  it('is refused before anything is stored while the broker is known to be away', async () => {
    const replica = await cluster.live('a');
    broker.setReachable(false);
    await waitUntil('it is noticed', async () => !(await replica.status()).logReachable);
    await expect(insert(replica, 'n1', 'log')).rejects.toMatchObject({
      code: 'log-unreachable',
      isRetryable: true,
    });
    expect((await replica.status()).rows).toBe(0);
  });

  it('without an acknowledgement in time says that the row is stored, with its token', async () => {
    const replica = await cluster.live('a', { limits: { acknowledgeMs: 500 } });
    broker.refuseAppends(1000);
    const failure = await insert(replica, 'n1', 'log').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'not-yet-logged', token: `${replica.origin}:1` });
    expect(await replica.reads.all('SELECT note_id FROM notes')).toEqual([{ note_id: 'n1' }]);
    broker.refuseAppends(0);
    await waitUntil('it is published', () => broker.allRecords().length === 1);
  });

  it('says the same, not "try again", when too many wait for acknowledgements already', async () => {
    const replica = await cluster.live('a', { limits: { acknowledgeMs: 2000, maxWaiters: 1 } });
    broker.refuseAppends(1000);
    const codes = await Promise.all(
      ['n1', 'n2', 'n3'].map((id) =>
        insert(replica, id, 'log').catch((error: { code: string }) => error.code),
      ),
    );
    expect(codes).toEqual(['not-yet-logged', 'not-yet-logged', 'not-yet-logged']);
    expect((await replica.status()).rows).toBe(3);
  });
});

describe('stopping', () => {
  it('publishes what it can, leaves, and can be asked for twice', async () => {
    const replica = await cluster.live('a');
    await Promise.all(Array.from({ length: 50 }, (_, i) => insert(replica, `n${i}`)));
    await Promise.all([replica.stop(), replica.stop()]);
    expect(broker.allRecords()).toHaveLength(50);
    expect(replica.readiness()).toEqual({ ready: false, reasons: ['stopping'] });
    await expect(insert(replica, 'late')).rejects.toMatchObject({ code: 'stopped' });
  });

  it('does not wait for a broker that is away', async () => {
    const replica = await cluster.live('a');
    broker.setReachable(false);
    await insert(replica, 'n1');
    const startedMs = performance.now();
    await replica.stop();
    expect(performance.now() - startedMs).toBeLessThan(2000);
  });
});
