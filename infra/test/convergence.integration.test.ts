import { rawTopic } from '@dbsync/replication/testing';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import {
  assertConverged,
  assertNothingLostOrMade,
  type LoadRecord,
  ordersInFile,
  placeOrders,
  startTestCluster,
  type TestCluster,
} from '../testing/index.ts';

const order = (productId: string): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ productId, quantity: 2, unitPrice: 350 }),
});

/** One cluster for all: starting one takes longer than most of what is asked of it. */
let test: TestCluster;
let load: LoadRecord;
beforeAll(async () => {
  test = await startTestCluster({ replicas: 3, hasFrontEnd: true });
});

describe('three replicas on real Kafka', () => {
  it('that are written at once hold the same rows, down to their bytes', async () => {
    const { cluster, orderUrls } = test;
    load = await placeOrders({ urls: () => orderUrls, count: 3000, clients: 64, name: 'at-once' });
    expect([...load.failures]).toEqual([]);
    const seconds = await assertConverged(orderUrls);
    const files = cluster.replicas.map(({ database }) => database);
    assertNothingLostOrMade(files, [load]);
    for (const file of files) expect(ordersInFile(file)).toHaveLength(3000);
    console.log(
      `3000 orders on three replicas: equal and recomputed ${seconds.toFixed(1)} s after the last answer`,
    );
  });

  it('are joined by a fourth in mid-load, which the user-service then reads, too', async () => {
    const { cluster, orderUrls, userUrl } = test;
    const abort = new AbortController();
    const loading = placeOrders({
      urls: () => orderUrls.slice(0, 3),
      clients: 16,
      name: 'join',
      signal: abort.signal,
    });
    const begun = performance.now();
    const added = await cluster.addReplica();
    const joinedMs = performance.now() - begun;
    abort.abort();
    const joined = await loading;
    const urls = cluster.replicas.map(({ url }) => url);
    expect(urls).toHaveLength(4);
    await assertConverged(urls);
    assertNothingLostOrMade([added.database], [load, joined]);
    await expect
      .poll(
        async () => {
          const seen = new Set<string | null>();
          const user = await fetch(`${userUrl}/users`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({
              email: `a${Math.random()}@example.com`,
              name: 'Ada',
              password: 'long enough',
            }),
          });
          const { userId } = (await user.json()) as { userId: string };
          for (let i = 0; i < 8; i += 1) {
            seen.add((await fetch(`${userUrl}/users/${userId}`)).headers.get('x-orders-served-by'));
          }
          return [...seen].sort();
        },
        { timeout: 20_000, interval: 200 },
      )
      .toEqual(['order-1', 'order-2', 'order-3', 'order-4']);
    console.log(
      `a fourth replica was ready ${(joinedMs / 1000).toFixed(1)} s after its start, under ${joined.acknowledged.size} orders`,
    );
  });

  it('let a read with a token see its write, 1000 times out of 1000', async () => {
    const { orderUrls } = test;
    const round = async (number: number): Promise<void> => {
      const [writer, reader] = [orderUrls[number % 3], orderUrls[(number + 1) % 3]];
      const path = `/order-service/reader-${number % 32}/orders`;
      const placed = await fetch(`${writer}${path}`, order(`token-${number}`));
      expect(placed.status).toBe(201);
      const { orderId } = (await placed.json()) as { orderId: string };
      const token = placed.headers.get('consistency-token') ?? '';
      const read = await fetch(`${reader}${path}/${orderId}`, { headers: { 'Consistency-Token': token } });
      expect([read.status, await read.json()]).toMatchObject([200, { orderId }]);
    };
    let next = 0;
    const client = async (): Promise<void> => {
      for (let number = next++; number < 1000; number = next++) await round(number);
    };
    await Promise.all(Array.from({ length: 8 }, client));
    await assertConverged(orderUrls);
  });

  it('answer for each other: an order placed on one is read from all, and its trace goes into the log', async () => {
    const { orderUrls, gatewayUrl, topicPrefix } = test;
    for (const [index, url] of orderUrls.entries()) {
      const placed = await fetch(`${url}/order-service/ada/orders`, order(`product-${index + 1}`));
      expect(placed.status).toBe(201);
    }
    await assertConverged(orderUrls, 10_000);
    for (const url of orderUrls) {
      const orders = (await (await fetch(`${url}/order-service/ada/orders`)).json()) as {
        productId: string;
      }[];
      expect(orders.map(({ productId }) => productId)).toEqual(
        orderUrls.map((_, index) => `product-${index + 1}`),
      );
    }

    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const headers = { 'content-type': 'application/json', 'write-concern': 'log', traceparent };
    const traced = { ...order('traced'), headers };
    expect((await fetch(`${gatewayUrl}/order-service/ada/orders`, traced)).status).toBe(201);
    await assertConverged(orderUrls, 10_000);
    const topic = rawTopic(inject('sharedBroker').bootstrap, `${topicPrefix}orders.changes`);
    const traces = (await topic.readAll()).map(({ headers: { traceparent: trace } }) => trace?.toString());
    expect(traces.filter((trace) => trace !== undefined)).toEqual([traceparent]);
  });
});
