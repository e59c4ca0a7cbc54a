import { MemoryBroker, waitUntil } from '@dbsync/replication/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectProblem, list, place } from '../order-requests.ts';
import { statusOf, untilStatus } from '../replica-status.ts';
import { newDirectory, type RunningReplica, startReplica, stopEverything } from '../running-service.ts';

let broker: MemoryBroker;
let one: RunningReplica;
let two: RunningReplica;

const read = (
  replica: RunningReplica,
  token: string,
  path = '/order-service/ada/orders',
): Promise<Response> => fetch(`${replica.url}${path}`, { headers: { 'Consistency-Token': token } });

const ULID = '01J00000000000000000000000';
const SHORT_WAIT_MS = 300;
const LONG_WAIT_MS = 20_000;

/** Two replicas over one log, which wait that long for a token. */
async function startBoth(tokenWaitMs: number): Promise<void> {
  broker = new MemoryBroker();
  one = await startReplica({ broker, replicaId: 'order-1', limits: { tokenWaitMs } });
  two = await startReplica({ broker, replicaId: 'order-2', limits: { tokenWaitMs } });
}

describe('a read with a Consistency-Token', () => {
  beforeEach(() => startBoth(LONG_WAIT_MS));
  afterEach(stopEverything);

  it('sees the write on the replica that took it and on every other one', async () => {
    for (let i = 0; i < 30; i += 1) {
      const [writer, reader] = i % 2 ? [one, two] : [two, one];
      const { order, token, location } = await place(writer.url);
      expect((await list(reader.url, { token })).orders).toContainEqual(order);
      expect((await list(writer.url, { token })).orders).toContainEqual(order);
      expect((await read(reader, token, location)).status).toBe(200);
    }
  });

  it('sees everything that several tokens name, written together or one by one', async () => {
    const first = await place(one.url);
    const second = await place(two.url);
    const third = await place(one.url);
    const headers = [
      `${first.token},${second.token},${third.token}`,
      `${third.token} , ${second.token}`,
      `${second.token},${third.token},${first.token}`,
    ];
    for (const token of headers) {
      for (const { url } of [one, two]) {
        const { orders } = await list(url, { token });
        expect(orders.map(({ orderId }) => orderId).sort()).toEqual(
          [first, second, third].map(({ order }) => order.orderId).sort(),
        );
      }
    }
    const apart = new Headers();
    apart.append('Consistency-Token', first.token);
    apart.append('Consistency-Token', second.token);
    expect((await fetch(`${two.url}/order-service/ada/orders`, { headers: apart })).status).toBe(200);
  });

  it('waits for a write that is on its way', async () => {
    two.client.setCut(true);
    const { order, token } = await place(one.url);
    const reading = list(two.url, { token });
    two.client.setCut(false);
    expect((await reading).orders).toEqual([order]);
  });
});

describe('a read whose Consistency-Token is not covered', () => {
  beforeEach(() => startBoth(SHORT_WAIT_MS));
  afterEach(stopEverything);

  it('is answered with 503 after the wait, for a list and for one order, and later with 200', async () => {
    two.client.setCut(true);
    const { order, token, location } = await place(one.url);
    const startedAt = performance.now();
    const problem = await expectProblem(await read(two, token), 503);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(SHORT_WAIT_MS - 10);
    expect(problem).toMatchObject({ type: '/problems/token-not-covered', title: 'Not yet here' });
    expect(problem.detail).toContain(token);
    await expectProblem(await read(two, token, location), 503);
    // Without the token the replica answers from what it has.
    expect((await list(two.url)).orders).toEqual([]);
    two.client.setCut(false);
    await untilStatus(two.url, 'the order has arrived', (status) => status.rows === 1);
    expect((await list(two.url, { token })).orders).toEqual([order]);
  });

  it('is answered with a token that makes the next read elsewhere see as much', async () => {
    const { order, location } = await place(one.url);
    two.client.setCut(true);
    const unseen = await place(one.url);
    for (const path of ['/order-service/ada/orders', location]) {
      const answer = await fetch(`${one.url}${path}`);
      const token = answer.headers.get('Consistency-Token') ?? '';
      expect(token.split(',')).toContain(unseen.token);
      const problem = await expectProblem(await read(two, token), 503);
      expect(problem.type).toBe('/problems/token-not-covered');
    }
    two.client.setCut(false);
    const first = await read(one, unseen.token);
    const { orders } = await list(two.url, { token: first.headers.get('Consistency-Token') ?? '' });
    expect(orders).toEqual([order, unseen.order]);
  });

  it('gets a token that includes the one it brought along', async () => {
    const first = await place(one.url);
    const second = await place(two.url);
    const answer = await read(two, `${first.token},${second.token}`);
    expect((answer.headers.get('Consistency-Token') ?? '').split(',').sort()).toEqual(
      [first.token, second.token].sort(),
    );
  });

  it('carries no token back where nothing was ever written', async () => {
    expect((await fetch(`${one.url}/order-service/ada/orders`)).headers.get('Consistency-Token')).toBeNull();
  });

  it('waits for an origin that nobody knows like for any other', async () => {
    const problem = await expectProblem(await read(one, `order-9.${ULID}:1`), 503);
    expect(problem.type).toBe('/problems/token-not-covered');
  });

  it('takes 64 entries', async () => {
    const { token } = await place(one.url);
    const [origin] = token.split(':');
    await place(one.url);
    expect((await read(one, Array(64).fill(token).join(','))).status).toBe(200);
    expect((await read(one, `${origin}:1,${origin}:2`)).status).toBe(200);
    await expectProblem(await read(one, `${origin}:1,${origin}:3`), 503);
  });

  it('is told that a write is gone when a later run of its replica never had it', async () => {
    const { token } = await place(one.url);
    const [origin] = token.split(':');
    await untilStatus(one.url, 'the order is in the log', ({ unpublished }) => unpublished === 0);
    await one.stop();
    // The disk is gone with whatever was on it beyond the log.
    const again = await startReplica({ broker, replicaId: 'order-1', directory: newDirectory() });
    expect((await read(again, token)).status).toBe(200);
    await waitUntil('the new run has heard everybody', async () => {
      const answer = await read(again, `${origin}:2`);
      return answer.status === 410 || `${answer.status}`;
    });
    const problem = await expectProblem(await read(again, `${origin}:2`), 410);
    expect(problem).toMatchObject({ type: '/problems/write-gone', title: 'The write is gone' });
    await waitUntil('order-2 has heard the new run', async () => {
      const answer = await read(two, `${origin}:2`);
      return answer.status === 410 || `${answer.status}`;
    });
    await expectProblem(await read(two, `${origin}:2`), 410);
    const other = await place(two.url);
    const left = await read(two, `${origin}:2,${other.token}`);
    expect([left.status, left.headers.get('Consistency-Token')]).toEqual([410, other.token]);
    expect((await statusOf(two.url)).rows).toBe(2);
  });
});

describe('a Consistency-Token that', () => {
  beforeAll(async () => {
    one = await startReplica({ isIsolated: true, limits: { tokenWaitMs: LONG_WAIT_MS } });
  });
  afterAll(stopEverything);

  it.each([
    ['nothing', ' '],
    ['a word', 'x'],
    ['an origin without a seq', `order-1.${ULID}`],
    ['a seq of 0', `order-1.${ULID}:0`],
    ['a negative seq', `order-1.${ULID}:-1`],
    ['a fraction', `order-1.${ULID}:1.5`],
    ['a seq with a leading zero', `order-1.${ULID}:01`],
    ['a seq beyond every number', `order-1.${ULID}:9999999999999999`],
    ['a seq in letters', `order-1.${ULID}:one`],
    ['a seq with an exponent', `order-1.${ULID}:1e3`],
    ['no replica', `.${ULID}:1`],
    ['a short run', 'order-1.01J0:1'],
    ['a run with foreign letters', 'order-1.01J0000000000000000000000U:1'],
    ['a trailing comma', `order-1.${ULID}:1,`],
    ['two commas', `order-1.${ULID}:1,,order-1.${ULID}:2`],
    ['semicolons', `order-1.${ULID}:1;order-1.${ULID}:2`],
    ['65 entries', Array.from({ length: 65 }, (_, i) => `order-1.${ULID}:${i + 1}`).join(',')],
    ['SQL', `order-1' OR 1=1 --.${ULID}:1`],
    ['a name of objects', '__proto__:1'],
  ])('is %s is answered with 400 at once', async (_what, token) => {
    const startedAt = performance.now();
    for (const path of ['/order-service/ada/orders', '/order-service/ada/orders/x']) {
      const problem = await expectProblem(await read(one, token, path), 400);
      expect(problem.type).toBe('/problems/malformed-token');
    }
    expect(performance.now() - startedAt).toBeLessThan(LONG_WAIT_MS);
  });
});
