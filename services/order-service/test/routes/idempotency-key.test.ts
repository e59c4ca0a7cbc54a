import { waitUntil } from '@dbsync/replication/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { expectProblem, jsonOf, list, type OrderAnswer, pens, place, post } from '../order-requests.ts';
import { rawRequest, sendRaw } from '../raw-request.ts';
import { statusOf, untilEqual, untilStatus } from '../replica-status.ts';
import { type RunningReplica, startReplica, stopEverything } from '../running-service.ts';

afterEach(stopEverything);

const KEY = { 'Idempotency-Key': 'k1' };
const LOG = { 'Write-Concern': 'log' };

const ordersOf = ({ url }: RunningReplica): string => `${url}/order-service/ada/orders`;

/** Two replicas that do not hear each other's rows until `connect`. */
async function startApart(): Promise<{ one: RunningReplica; two: RunningReplica; connect(): Promise<void> }> {
  const one = await startReplica();
  const two = await startReplica({ broker: one.broker, replicaId: 'order-2' });
  one.client.setCut(true);
  const connect = async (): Promise<void> => {
    one.client.setCut(false);
    await untilEqual([one.url, two.url]);
  };
  return { one, two, connect };
}

/** Every replica shows exactly these orders, in its list and each at its own address. */
async function expectShown(
  replicas: readonly RunningReplica[],
  orders: readonly OrderAnswer[],
): Promise<void> {
  for (const { url } of replicas) {
    expect((await list(url)).orders).toEqual(orders);
    for (const order of orders) {
      expect(await jsonOf(fetch(`${url}/order-service/ada/orders/${order.orderId}`))).toEqual(order);
    }
  }
}

describe('POST with an Idempotency-Key', () => {
  it('answers the same command with the same order, location and a token that covers it', async () => {
    const replica = await startReplica();
    const first = await place(replica.url, { headers: KEY });
    for (let i = 0; i < 3; i += 1) expect(await place(replica.url, { headers: KEY })).toEqual(first);
    expect((await statusOf(replica.url)).rows).toBe(1);
    await expectShown([replica], [first.order]);
  });

  it('answers it on another replica, with a token of the run that stored it', async () => {
    const one = await startReplica();
    const two = await startReplica({ broker: one.broker, replicaId: 'order-2' });
    const first = await place(one.url, { headers: KEY });
    await untilEqual([one.url, two.url]);
    expect(await place(two.url, { headers: KEY })).toEqual(first);
    expect((await statusOf(two.url)).rows).toBe(1);
  });

  it('answers it after a restart', async () => {
    const before = await startReplica();
    const first = await place(before.url, { headers: KEY });
    await before.stop();
    const after = await startReplica({ broker: before.broker, directory: before.directory });
    expect(await place(after.url, { headers: KEY })).toEqual(first);
    expect((await statusOf(after.url)).rows).toBe(1);
  });

  it.each([{ productId: 'ink' }, { quantity: 4 }, { unitPrice: 1 }])(
    'refuses a body that differs by %o with 422 and stores nothing',
    async (change) => {
      const replica = await startReplica({ isIsolated: true });
      await place(replica.url, { headers: KEY });
      const answer = await post(ordersOf(replica), { ...pens, ...change }, KEY);
      const problem = await expectProblem(answer, 422);
      expect(problem).toMatchObject({ type: '/problems/key-used-otherwise' });
      expect((await statusOf(replica.url)).rows).toBe(1);
    },
  );

  it.each(['local', 'log'])(
    'names with 422 the order that has the key (Write-Concern %s)',
    async (concern) => {
      const replica = await startReplica();
      const { token } = await place(replica.url, { headers: KEY });
      const headers = { ...KEY, 'Write-Concern': concern };
      const answer = await post(ordersOf(replica), { ...pens, quantity: 4 }, headers);
      expect([answer.status, answer.headers.get('consistency-token')]).toEqual([422, token]);
    },
  );

  it('holds a key to its user', async () => {
    const replica = await startReplica({ isIsolated: true });
    const ada = await place(replica.url, { headers: KEY });
    const bob = await place(replica.url, { headers: KEY, userId: 'bob', command: { ...pens, quantity: 9 } });
    expect(bob.order.orderId).not.toBe(ada.order.orderId);
  });

  it.each([
    ['none', ''],
    ['129 characters', 'k'.repeat(129)],
    ['a tab', 'a\tb'],
    ['a letter beyond ASCII', 'k\u00e9'],
  ])('refuses a key of %s with 400 and stores nothing', async (_what, key) => {
    const replica = await startReplica({ isIsolated: true });
    const problem = await expectProblem(await post(ordersOf(replica), pens, { 'Idempotency-Key': key }), 400);
    expect(problem.detail).toMatch(/^Idempotency-Key must be given once/);
    expect((await statusOf(replica.url)).rows).toBe(0);
  });

  it('refuses two keys in one request', async () => {
    const replica = await startReplica({ isIsolated: true });
    const answer = await sendRaw(
      replica.port,
      rawRequest({
        method: 'POST',
        target: '/order-service/ada/orders',
        headers: ['Content-Type: application/json', 'Idempotency-Key: a', 'Idempotency-Key: b'],
        body: JSON.stringify(pens),
      }),
    );
    expect(answer?.status).toBe(400);
  });

  it.each(['k'.repeat(128), '"quoted"', 'with blanks, and a comma', '~'])('takes %j', async (key) => {
    const replica = await startReplica({ isIsolated: true });
    const headers = { 'Idempotency-Key': key };
    const first = await place(replica.url, { headers });
    expect(await place(replica.url, { headers })).toEqual(first);
  });

  it('answers 409 while the first request is still running, and the order afterwards', async () => {
    const replica = await startReplica({ limits: { acknowledgeMs: 10_000 } });
    replica.broker.refuseAppends(1_000_000);
    const first = place(replica.url, { headers: { ...KEY, ...LOG } });
    await untilStatus(replica.url, 'the first one is stored', ({ rows }) => rows === 1);
    for (const command of [pens, { ...pens, quantity: 4 }]) {
      const answer = await post(ordersOf(replica), command, KEY);
      expect(answer.headers.get('Retry-After')).toBe('1');
      expect(await expectProblem(answer, 409)).toMatchObject({ type: '/problems/key-still-running' });
    }
    replica.broker.refuseAppends(0);
    const placed = await first;
    expect(await place(replica.url, { headers: KEY })).toEqual(placed);
  });
});

describe('one key on two replicas at once', () => {
  it('is one order on both, the earliest one, and both callers were told its id', async () => {
    const { one, two, connect } = await startApart();
    const first = await place(one.url, { headers: KEY });
    await waitUntil('the next millisecond', () => Date.now() > Date.parse(first.order.createdAt));
    const second = await place(two.url, { headers: KEY });
    expect(second.order.orderId).toBe(first.order.orderId);
    expect(second.location).toBe(first.location);
    expect(second.token).not.toBe(first.token);
    await connect();
    await expectShown([one, two], [first.order]);
    for (const { url } of [one, two]) {
      const deep = await jsonOf(fetch(`${url}/replication/digest?deep=1`));
      expect(deep).toMatchObject({ problems: [], digest: deep.expected, rows: 2 });
      expect(await place(url, { headers: KEY })).toEqual(first);
      // The token of the row that is not shown counts, too: the order is there.
      expect((await list(url, { token: second.token })).orders).toEqual([first.order]);
    }
  });

  it('keeps the body of the earliest, and a retry of the other gets 422 everywhere', async () => {
    const { one, two, connect } = await startApart();
    const first = await place(one.url, { headers: KEY });
    await waitUntil('the next millisecond', () => Date.now() > Date.parse(first.order.createdAt));
    const other = { ...pens, quantity: 7 };
    const second = await place(two.url, { headers: KEY, command: other });
    expect(second.order.orderId).toBe(first.order.orderId);
    await connect();
    await expectShown([one, two], [first.order]);
    for (const replica of [one, two]) {
      await expectProblem(await post(ordersOf(replica), other, KEY), 422);
      expect((await place(replica.url, { headers: KEY })).order).toEqual(first.order);
    }
  });
});

describe('a key used again by a client that has seen its order', () => {
  const other = { ...pens, quantity: 7 };

  it('waits on another replica for that order, and is refused with another body', async () => {
    const { one, two, connect } = await startApart();
    const first = await place(one.url, { headers: KEY });
    const seen = { ...KEY, 'Consistency-Token': first.token };
    const again = post(ordersOf(two), other, seen);
    await connect();
    await expectProblem(await again, 422);
    expect(await place(two.url, { headers: seen })).toEqual(first);
  });

  it('waits for no longer than a read: what keeps the replicas apart must not keep anybody from ordering', async () => {
    const one = await startReplica();
    const two = await startReplica({
      broker: one.broker,
      replicaId: 'order-2',
      limits: { tokenWaitMs: 50 },
    });
    one.client.setCut(true);
    const first = await place(one.url, { headers: KEY });
    const seen = { 'Idempotency-Key': 'k2', 'Consistency-Token': first.token };
    expect((await post(ordersOf(two), other, seen)).status).toBe(201);
  });

  it('is refused with a token that is none', async () => {
    const replica = await startReplica();
    await expectProblem(await post(ordersOf(replica), pens, { ...KEY, 'Consistency-Token': 'x' }), 400);
    expect((await statusOf(replica.url)).rows).toBe(0);
  });
});

describe('the same key again', () => {
  it('after 504: 504 until the log has the order, then 201; local is answered at once', async () => {
    const replica = await startReplica();
    replica.broker.refuseAppends(1_000_000);
    const late = await post(ordersOf(replica), pens, { ...KEY, ...LOG });
    expect(late.status).toBe(504);
    const again = await post(ordersOf(replica), pens, { ...KEY, ...LOG });
    expect(again.status).toBe(504);
    for (const name of ['Location', 'Consistency-Token']) {
      expect(again.headers.get(name)).toBe(late.headers.get(name));
    }
    await expectProblem(await post(ordersOf(replica), { ...pens, quantity: 4 }, { ...KEY, ...LOG }), 422);
    const local = await place(replica.url, { headers: KEY });
    expect(local.location).toBe(late.headers.get('Location'));
    replica.broker.refuseAppends(0);
    await untilStatus(replica.url, 'it is in the log', ({ unpublished }) => unpublished === 0);
    expect(await place(replica.url, { headers: { ...KEY, ...LOG } })).toEqual(local);
    expect((await statusOf(replica.url)).rows).toBe(1);
  });

  it('with Write-Concern log is answered while the broker is away, if the log has the order', async () => {
    const one = await startReplica();
    const two = await startReplica({ broker: one.broker, replicaId: 'order-2' });
    const first = await place(one.url, { headers: { ...KEY, ...LOG } });
    await untilEqual([one.url, two.url]);
    one.broker.setReachable(false);
    for (const { url } of [one, two]) {
      await untilStatus(url, 'it has noticed', ({ logReachable }) => !logReachable);
      expect(await place(url, { headers: { ...KEY, ...LOG } })).toEqual(first);
    }
  });

  it('after a 503 is a new order, and is answered although nothing new would be taken', async () => {
    const replica = await startReplica({ limits: { maxUnpublished: 1 } });
    replica.broker.setReachable(false);
    const first = await place(replica.url, { headers: KEY });
    await expectProblem(await post(ordersOf(replica), pens, { 'Idempotency-Key': 'k2' }), 503);
    expect(await place(replica.url, { headers: KEY })).toEqual(first);
    replica.broker.setReachable(true);
    await untilStatus(replica.url, 'writing goes on', ({ writable }) => writable);
    const second = await place(replica.url, { headers: { 'Idempotency-Key': 'k2' } });
    expect((await list(replica.url)).orders).toEqual([first.order, second.order]);
  });

  it('is the same order after the log was recreated', async () => {
    const replica = await startReplica();
    const first = await place(replica.url, { headers: { ...KEY, ...LOG } });
    replica.broker.recreate();
    await untilStatus(
      replica.url,
      'it is healed',
      ({ counters, unpublished }) => counters.relinks > 0 && unpublished === 0,
    );
    expect(await place(replica.url, { headers: { ...KEY, ...LOG } })).toEqual(first);
  });
});
