import { MemoryBroker } from '@dbsync/replication/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectProblem, jsonOf, list, type OrderAnswer, pens, place } from '../order-requests.ts';
import { untilStatus } from '../replica-status.ts';
import { openPeer, type RunningReplica, startReplica, stopEverything } from '../running-service.ts';

let broker: MemoryBroker;
let replica: RunningReplica;

beforeEach(async () => {
  broker = new MemoryBroker();
  replica = await startReplica({ broker });
});
afterEach(stopEverything);

/** Orders of ada with chosen ids and times, written on another replica; returns when they have arrived. */
async function arrive(rows: readonly (readonly [orderId: string, createdAt: string])[]): Promise<void> {
  const peer = await openPeer(broker);
  for (const [orderId, createdAt] of rows) {
    await peer.insert(
      'orders',
      {
        order_id: orderId,
        user_id: 'ada',
        product_id: 'pen',
        quantity: 1,
        unit_price: 1,
        total_price: 1,
        created_at: createdAt,
      },
      { concern: 'local' },
    );
  }
  await untilStatus(replica.url, 'all rows are here', (status) => status.rows === rows.length);
}

/** Follows `Link` from the first page to the last; at most 1000 pages. */
async function walk(options: { limit: number; onPage?: () => Promise<void> }): Promise<OrderAnswer[][]> {
  const pages: OrderAnswer[][] = [];
  let path: string | undefined = `/order-service/ada/orders?limit=${options.limit}`;
  while (path !== undefined) {
    expect(pages.length).toBeLessThan(1000);
    expect(path).toMatch(/^\/order-service\/ada\/orders\?/);
    const { orders, next } = await list(replica.url, { query: new URL(path, replica.url).search });
    pages.push(orders);
    path = next;
    await options.onPage?.();
  }
  return pages;
}

const ids = (orders: readonly OrderAnswer[]): string[] => orders.map(({ orderId }) => orderId);

describe('a list of orders', () => {
  it('goes by createdAt, then by orderId, whatever the order of arrival', async () => {
    await arrive([
      ['c', '2026-01-01T00:00:00.002Z'],
      ['b', '2026-01-01T00:00:00.002Z'],
      ['z', '2026-01-01T00:00:00.001Z'],
      ['a', '2026-01-01T00:00:00.003Z'],
      ['B', '2026-01-01T00:00:00.002Z'],
      ['-', '2025-12-31T23:59:59.999Z'],
    ]);
    const sorted = ['-', 'z', 'B', 'b', 'c', 'a'];
    expect(ids((await list(replica.url)).orders)).toEqual(sorted);
    for (const limit of [1, 2, 3, 4]) {
      const pages = await walk({ limit });
      expect(pages.flatMap(ids)).toEqual(sorted);
      expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true);
    }
  });

  it('pages through rows of one instant', async () => {
    const rows = Array.from({ length: 25 }, (_, i) => [`o${100 + i}`, '2026-01-01T00:00:00.000Z'] as const);
    await arrive([...rows].reverse());
    expect((await walk({ limit: 7 })).map((page) => page.length)).toEqual([7, 7, 7, 4]);
    expect((await walk({ limit: 5 })).flatMap(ids)).toEqual(rows.map(([id]) => id));
  });

  it('has no next page when the last one is exactly full', async () => {
    for (let i = 0; i < 4; i += 1) await place(replica.url);
    expect((await walk({ limit: 2 })).map((page) => page.length)).toEqual([2, 2]);
    expect((await list(replica.url, { query: '?limit=4' })).next).toBeUndefined();
    expect((await list(replica.url, { query: '?limit=3' })).next).toBeDefined();
  });

  it('gives every row once while rows are being inserted', async () => {
    const before: string[] = [];
    for (let i = 0; i < 60; i += 1) before.push((await place(replica.url)).order.orderId);
    const meanwhile: string[] = [];
    const pages = await walk({
      limit: 7,
      onPage: async () => {
        if (meanwhile.length >= 30) return;
        const placed = await Promise.all([place(replica.url), place(replica.url), place(replica.url)]);
        meanwhile.push(...placed.map(({ order }) => order.orderId));
      },
    });
    const seen = pages.flatMap(ids);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.slice(0, before.length)).toEqual(before);
    // New rows have the latest times, so a walk that goes on until the end meets them, too.
    expect([...seen].sort()).toEqual([...before, ...meanwhile].sort());
    const places = pages.flat().map(({ createdAt, orderId }) => `${createdAt} ${orderId}`);
    expect(places).toEqual([...places].sort());
  });

  it('takes a cursor of any other replica', async () => {
    const other = await startReplica({ broker, replicaId: 'order-2' });
    for (let i = 0; i < 6; i += 1) await place(i % 2 ? other.url : replica.url);
    await untilStatus(other.url, 'all rows are on order-2', (status) => status.rows === 6);
    await untilStatus(replica.url, 'all rows are on order-1', (status) => status.rows === 6);
    const first = await list(replica.url, { query: '?limit=4' });
    const rest = await list(other.url, { query: new URL(first.next ?? '', other.url).search });
    const whole = await list(other.url);
    expect([...first.orders, ...rest.orders]).toEqual(whole.orders);
  });

  it('has 100 rows by default and 500 at most', async () => {
    for (let i = 0; i < 10; i += 1) {
      await Promise.all(Array.from({ length: 51 }, () => place(replica.url, { command: pens })));
    }
    expect((await list(replica.url)).orders).toHaveLength(100);
    expect((await list(replica.url)).next).toMatch(/limit=100&cursor=/);
    expect((await list(replica.url, { query: '?limit=500' })).orders).toHaveLength(500);
    expect((await list(replica.url, { query: '?limit=1' })).orders).toHaveLength(1);
  });

  it.each(['0', '501', '-1', '1.5', '1e2', '', 'x', '%201', '99999999999999999999', '１'])(
    'refuses a limit of %j',
    async (limit) => {
      const answer = await fetch(`${replica.url}/order-service/ada/orders?limit=${limit}`);
      const problem = await expectProblem(answer, 400);
      expect(problem.errors).toEqual([{ path: 'limit', message: 'must be a whole number 1..500' }]);
    },
  );

  it('refuses names that it does not know and names given twice', async () => {
    for (const query of [
      '?offset=1',
      '?limit=1&limit=2',
      '?limit[]=1',
      '?cursor=a&cursor=b',
      '?__proto__=1',
    ]) {
      await expectProblem(await fetch(`${replica.url}/order-service/ada/orders${query}`), 400);
    }
  });

  it('refuses cursors that it did not give out', async () => {
    await place(replica.url);
    await place(replica.url);
    const { next } = await list(replica.url, { query: '?limit=1' });
    const genuine = new URL(next ?? '', replica.url).searchParams.get('cursor') ?? '';
    const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const forged = [
      '',
      'x',
      `${genuine}=`,
      `${genuine}A`,
      genuine.slice(0, -1),
      `${genuine.slice(0, 4)}!${genuine.slice(4)}`,
      encode(['2026-01-01', 'a']),
      encode(['2026-01-01T00:00:00.000Z']),
      encode(['2026-01-01T00:00:00.000Z', "a' OR 1=1 --"]),
      encode(['2026-01-01T00:00:00.000Z', 'a', 'b']),
      encode({ createdAt: '2026-01-01T00:00:00.000Z', id: 'a' }),
      encode(['2026-01-01T00:00:00.000+01:00', 'a']),
      encode([null, null]),
      'A'.repeat(257),
      'A'.repeat(8000),
    ];
    for (const cursor of forged) {
      const address = `${replica.url}/order-service/ada/orders?cursor=${encodeURIComponent(cursor)}`;
      const problem = await expectProblem(await fetch(address), 400);
      expect(problem.errors, cursor).toEqual([{ path: 'cursor', message: 'is not a cursor of this list' }]);
    }
  });

  it('starts behind a cursor that is well formed but names no row', async () => {
    const { order } = await place(replica.url);
    const cursor = (createdAt: string): string =>
      Buffer.from(JSON.stringify([createdAt, 'none'])).toString('base64url');
    const early = await list(replica.url, { query: `?cursor=${cursor('1970-01-01T00:00:00.000Z')}` });
    expect(early.orders).toEqual([order]);
    const late = await list(replica.url, { query: `?cursor=${cursor('2999-01-01T00:00:00.000Z')}` });
    expect(late).toEqual({ orders: [], next: undefined });
  });

  it('shows one of two rows with one order id, the same on every replica', async () => {
    const [first, second] = [await openPeer(broker, 'peer-1'), await openPeer(broker, 'peer-2')];
    const other = await startReplica({ broker, replicaId: 'order-2' });
    const row = (productId: string, createdAt: string) => ({
      order_id: 'same',
      user_id: 'ada',
      product_id: productId,
      quantity: 1,
      unit_price: 1,
      total_price: 1,
      created_at: createdAt,
    });
    await Promise.all([
      first.insert('orders', row('later', '2026-01-01T00:00:00.002Z'), { concern: 'local' }),
      second.insert('orders', row('earlier', '2026-01-01T00:00:00.001Z'), { concern: 'local' }),
    ]);
    for (const { url } of [replica, other]) {
      await untilStatus(url, 'both rows are here', (status) => status.rows === 2);
      expect((await list(url)).orders.map(({ productId }) => productId)).toEqual(['earlier']);
      const found = await jsonOf(fetch(`${url}/order-service/ada/orders/same`));
      expect(found).toMatchObject({ productId: 'earlier' });
    }
  });
});
