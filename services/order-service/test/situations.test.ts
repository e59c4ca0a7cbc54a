import { MemoryBroker, waitUntil } from '@dbsync/replication/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { holdDatabase } from './foreign-process.ts';
import { expectProblem, jsonOf, list, pens, place, post } from './order-requests.ts';
import { statusOf, untilEqual, untilStatus } from './replica-status.ts';
import {
  newDirectory,
  openPeer,
  type RunningReplica,
  startReplica,
  stopEverything,
} from './running-service.ts';

afterEach(stopEverything);

/** What the contract's table says of a situation: the statuses of its three columns. */
async function expectAnswers(
  { url }: RunningReplica,
  expected: { readyz: number; get: number; post: number },
): Promise<void> {
  const orders = `${url}/order-service/ada/orders`;
  const answers = {
    readyz: await fetch(`${url}/readyz`),
    get: await fetch(orders),
    getOne: await fetch(`${orders}/none`),
    post: await post(orders),
  };
  const statuses = { readyz: answers.readyz.status, get: answers.get.status, post: answers.post.status };
  expect(statuses).toEqual(expected);
  expect(answers.getOne.status).toBe(expected.get === 200 ? 404 : expected.get);
  for (const answer of Object.values(answers)) {
    if (answer.status === 503) await expectProblem(answer, 503);
  }
  // Whatever the situation: the process lives and tells about itself.
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect((await fetch(`${url}/replication/status`)).status).toBe(200);
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
}

/** Puts `count` orders into the log, written by somebody else. */
async function peerOrders(broker: MemoryBroker, count: number, name = 'peer'): Promise<void> {
  const peer = await openPeer(broker, name);
  for (let i = 0; i < count; i += 1) {
    const row = {
      order_id: `${name}-${i}`,
      user_id: 'ada',
      product_id: 'pen',
      quantity: 1,
      unit_price: 1,
      total_price: 1,
      created_at: '2026-01-01T00:00:00.000Z',
    };
    await peer.insert('orders', row, { concern: 'local' });
  }
  await waitUntil('everything is in the log', async () => (await peer.status()).unpublished === 0);
}

/** A replica with an order of its own, stopped before five more came into the log. */
async function stoppedBehind(): Promise<{ broker: MemoryBroker; directory: string }> {
  const broker = new MemoryBroker({ isStepped: true, maxRecords: 1 });
  const before = await startReplica({ broker });
  await place(before.url);
  await waitUntil('it is in the log', async () => {
    await broker.step();
    return (await statusOf(before.url)).unpublished === 0;
  });
  await before.stop();
  await peerOrdersStepped(broker);
  return { broker, directory: before.directory };
}

describe('a replica', () => {
  it('serves when all is normal', async () => {
    const replica = await startReplica();
    await expectAnswers(replica, { readyz: 200, get: 200, post: 201 });
    expect(await statusOf(replica.url)).toMatchObject({ state: 'live', writable: true });
  });

  it('that is new serves nothing while the broker is away, and begins by itself', async () => {
    const broker = new MemoryBroker();
    broker.setReachable(false);
    const replica = await startReplica({ broker, isReadyAwaited: false });
    await untilStatus(replica.url, 'the broker was asked', ({ state }) => state === 'starting');
    await expectAnswers(replica, { readyz: 503, get: 503, post: 503 });
    expect(await statusOf(replica.url)).toMatchObject({ state: 'starting', writable: false, rows: 0 });
    broker.setReachable(true);
    await untilStatus(replica.url, 'it is live', ({ state }) => state === 'live');
    await expectAnswers(replica, { readyz: 200, get: 200, post: 201 });
  });

  it('that has data serves while the broker is away at its start, and publishes later', async () => {
    const broker = new MemoryBroker();
    const before = await startReplica({ broker });
    await place(before.url);
    await before.stop();
    broker.setReachable(false);
    const replica = await startReplica({ broker, directory: before.directory });
    await expectAnswers(replica, { readyz: 200, get: 200, post: 201 });
    const refused = await post(`${replica.url}/order-service/ada/orders`, pens, { 'Write-Concern': 'log' });
    await expectProblem(refused, 503);
    expect(await statusOf(replica.url)).toMatchObject({
      state: 'live',
      lag: { records: null, ms: null },
      unpublished: 1,
      rows: 2,
    });
    broker.setReachable(true);
    await untilStatus(replica.url, 'it is published', ({ unpublished }) => unpublished === 0);
    expect(broker.allRecords()).toHaveLength(2);
  });

  it('that was live goes on while the broker is away', async () => {
    const replica = await startReplica();
    replica.broker.setReachable(false);
    await untilStatus(replica.url, 'it has noticed', ({ logReachable }) => !logReachable);
    await expectAnswers(replica, { readyz: 200, get: 200, post: 201 });
    expect(await statusOf(replica.url)).toMatchObject({ state: 'live', writable: true, unpublished: 1 });
  });

  it('that bootstraps reads but does not write', async () => {
    const broker = new MemoryBroker({ isStepped: true, maxRecords: 1 });
    await peerOrdersStepped(broker);
    const replica = await startReplica({ broker, isReadyAwaited: false });
    await stepUntil(broker, replica, 'bootstrapping');
    await expectAnswers(replica, { readyz: 503, get: 200, post: 503 });
    expect(await statusOf(replica.url)).toMatchObject({ state: 'bootstrapping', writable: false });
    await stepUntil(broker, replica, 'live');
    expect((await list(replica.url)).orders).toHaveLength(5);
    await expectAnswers(replica, { readyz: 200, get: 200, post: 201 });
  });

  it('that catches up after a start reads and writes but is not ready', async () => {
    const { broker, directory } = await stoppedBehind();
    const replica = await startReplica({ broker, directory, isReadyAwaited: false });
    await stepUntil(broker, replica, 'catching-up');
    await expectAnswers(replica, { readyz: 503, get: 200, post: 201 });
    await stepUntil(broker, replica, 'live');
    expect((await list(replica.url)).orders).toHaveLength(7);
  });

  it('that loses the broker while it catches up serves what it has, and catches up later', async () => {
    const { broker, directory } = await stoppedBehind();
    const replica = await startReplica({ broker, directory, isReadyAwaited: false });
    await stepUntil(broker, replica, 'catching-up');
    broker.setReachable(false);
    await untilStatus(replica.url, 'it serves alone', ({ state }) => state === 'live');
    await expectAnswers(replica, { readyz: 200, get: 200, post: 201 });
    const { logReachable, lag } = await statusOf(replica.url);
    expect({ logReachable, lag }).toEqual({ logReachable: false, lag: { records: null, ms: null } });
    broker.setReachable(true);
    await waitUntil('it has all', async () => {
      await broker.step();
      return (await list(replica.url)).orders.length === 7;
    });
  });

  it("that finds somebody else's log stops and changes nothing", async () => {
    const before = await startReplica({ broker: new MemoryBroker({ partitions: 1 }) });
    await place(before.url);
    await untilStatus(before.url, 'it is in the log', ({ unpublished }) => unpublished === 0);
    await before.stop();
    const strange = new MemoryBroker({ partitions: 1 });
    const stranger = await startReplica({ broker: strange, replicaId: 'order-9', cluster: 'strangers' });
    for (let i = 0; i < 5; i += 1) await place(stranger.url);
    await untilStatus(stranger.url, 'its orders are in the log', ({ unpublished }) => unpublished === 0);
    const records = strange.allRecords().length;
    const replica = await startReplica({
      broker: strange,
      directory: before.directory,
      isReadyAwaited: false,
    });
    const status = await untilStatus(replica.url, 'it has stopped', ({ state }) => state === 'stopped');
    expect(status).toMatchObject({ rows: 1, writable: false, stopReason: expect.stringMatching(/log/) });
    await expectAnswers(replica, { readyz: 503, get: 503, post: 503 });
    const verbose = await fetch(`${replica.url}/readyz?verbose`);
    expect(await jsonOf(verbose)).toMatchObject({ ready: false, reasons: [status.stopReason] });
    expect(strange.allRecords()).toHaveLength(records);
    expect(replica.failures).toEqual([]);
  });

  it('that is isolated keeps everything to itself and has no mark', async () => {
    const replica = await startReplica({ isIsolated: true, limits: { maxUnpublished: 1 } });
    await expectAnswers(replica, { readyz: 200, get: 200, post: 201 });
    await expectAnswers(replica, { readyz: 200, get: 200, post: 201 });
    expect(await statusOf(replica.url)).toMatchObject({ state: 'live', writable: true, unpublished: 0 });
    expect(replica.broker.allRecords()).toEqual([]);
  });

  it('goes on while another replica in the log is stalled', async () => {
    const broker = new MemoryBroker({ partitions: 1 });
    const replica = await startReplica({ broker });
    await peerOrders(broker, 3);
    await untilStatus(replica.url, 'all is here', ({ rows }) => rows === 3);
    const [, , third] = broker.allRecords();
    expect(third).toBeDefined();
    // A new replica finds a hole where the second row of the peer was.
    const holed = new MemoryBroker({ partitions: 1 });
    for (const [index, record] of broker.allRecords().entries()) if (index !== 1) holed.appendRaw(0, record);
    const late = await startReplica({ broker: holed, replicaId: 'order-2' });
    const status = await untilStatus(late.url, 'the hole is noticed', ({ stalled }) => stalled.length === 1);
    expect(status).toMatchObject({ rows: 1, state: 'live' });
    expect(status.stalled[0]).toMatchObject({ reason: 'hole', partition: 0, offset: 1 });
    await expectAnswers(late, { readyz: 200, get: 200, post: 201 });
  });
});

describe('a foreign process that holds the database', () => {
  it('makes writes wait, bounded, and then be refused whole, while reads go on', async () => {
    const busyTimeoutMs = 300;
    const broker = new MemoryBroker();
    const replica = await startReplica({ broker, limits: { busyTimeoutMs } });
    const other = await startReplica({ broker, replicaId: 'order-2' });
    const { order } = await place(replica.url);
    await untilEqual([replica.url, other.url]);

    const foreign = await holdDatabase(replica.databaseFile);
    const startedAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(`${replica.url}/order-service/ada/orders`)),
    );
    const tookMs = performance.now() - startedAt;
    for (const answer of answers) {
      const problem = await expectProblem(answer, 503);
      expect(problem.type).toBe('/problems/database-busy');
    }
    expect(tookMs).toBeGreaterThanOrEqual(busyTimeoutMs - 50);
    expect(tookMs).toBeLessThan(busyTimeoutMs * 10);
    expect((await list(replica.url)).orders).toEqual([order]);
    expect((await fetch(`${replica.url}/readyz`)).status).toBe(200);
    const { order: meanwhile } = await place(other.url);
    await foreign.release();

    const { order: next, token } = await place(replica.url);
    // Nothing of the refused writes was stored, and no number was given out for them.
    expect(token).toMatch(/:2$/);
    await untilEqual([replica.url, other.url]);
    for (const { url } of [replica, other]) {
      expect((await list(url)).orders.map(({ orderId }) => orderId).sort()).toEqual(
        [order, meanwhile, next].map(({ orderId }) => orderId).sort(),
      );
    }
    expect(replica.failures).toEqual([]);
  });
});

describe('a second process on one directory', () => {
  it('is refused and names the holder', async () => {
    const directory = newDirectory();
    await startReplica({ directory, replicaId: 'order-1' });
    await expect(startReplica({ directory, replicaId: 'order-1' })).rejects.toThrow(/order-1 \(pid \d+\)/);
  });

  it('of another replica or another cluster is refused after the first has left', async () => {
    const first = await startReplica();
    const { directory } = first;
    await first.stop();
    await expect(startReplica({ directory, replicaId: 'order-2' })).rejects.toThrow(/order-1/);
    await expect(startReplica({ directory, cluster: 'other' })).rejects.toThrow(/cluster/);
    await startReplica({ directory });
  });
});

/** Delivers the log piece by piece until the replica is in a state. */
async function stepUntil(broker: MemoryBroker, { url }: RunningReplica, state: string): Promise<void> {
  await waitUntil(`the state is ${state}`, async () => {
    const status = await statusOf(url);
    if (status.state === state) return true;
    await broker.step();
    return `it is ${status.state}`;
  });
}

/** Five orders of a peer in a log that is delivered step by step. */
async function peerOrdersStepped(broker: MemoryBroker): Promise<void> {
  let isDone = false;
  const pumping = waitUntil('the peer is done', async () => {
    await broker.step();
    return isDone;
  });
  await peerOrders(broker, 5);
  isDone = true;
  await pumping;
}
