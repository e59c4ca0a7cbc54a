/**
 * What every order store must do, whatever is behind it; run on replicated SQLite and on PostgreSQL.
 */
import { isReplicationError, parseToken } from '@dbsync/replication';
import { expect, it } from 'vitest';
import type { Order, OrderPlace, OrderStore } from '../../src/domain/order.ts';

let orders = 0;

/** An order that no other test has placed. */
export function newOrder(given: Partial<Order> = {}): Order {
  orders += 1;
  return {
    orderId: `order-${String(orders).padStart(6, '0')}`,
    userId: `user-${orders}`,
    productId: 'pen',
    quantity: 2,
    unitPrice: 250,
    totalPrice: 500,
    createdAt: '2026-01-02T03:04:05.678Z',
    ...given,
  };
}

const local = { concern: 'local', mayExist: false } as const;

/** Defines the tests; `store` is asked in each of them. */
export function storesOrders(store: () => OrderStore): void {
  const page = async (
    userId: string,
    options: { after?: OrderPlace | undefined; limit?: number } = {},
  ): Promise<{ ids: string[]; next: OrderPlace | undefined }> => {
    const { after, limit = 100 } = options;
    const { json, next } = await store().list({ userId, after, limit, token: undefined });
    return { ids: (JSON.parse(json) as Order[]).map(({ orderId }) => orderId), next };
  };

  it('gives an order back as it was placed, alone and in a list', async () => {
    const order = newOrder({ quantity: 1_000_000, unitPrice: 1_000_000_000, totalPrice: 1e15 });
    const { order: placed } = await store().insert(order, local);
    expect(placed).toEqual(order);
    const { userId, orderId } = order;
    const found = await store().find({ userId, orderId, token: undefined });
    expect(found?.json).toBe(JSON.stringify(order));
    const { json, next } = await store().list({ userId, after: undefined, limit: 1, token: undefined });
    expect(json).toBe(`[${JSON.stringify(order)}]`);
    expect(next).toBeUndefined();
  });

  it('keeps what was said along with an order, in one insert with orders that say nothing', async () => {
    const { userId } = newOrder();
    const notes = ['ring twice', undefined, '', 'a "quote", a \\ and\na new line', 'né 語 🚲', undefined];
    const placed = notes.map((note) => newOrder(note === undefined ? { userId } : { userId, note }));
    const answers = await Promise.all(placed.map((order) => store().insert(order, local)));
    expect(answers.map(({ order }) => order)).toEqual(placed);
    const { json } = await store().list({ userId, after: undefined, limit: 10, token: undefined });
    expect(JSON.parse(json)).toEqual(placed);
    for (const order of placed) {
      const found = await store().find({ userId, orderId: order.orderId, token: undefined });
      expect(found?.json).toBe(JSON.stringify(order));
      const again = await store().insert({ ...order, note: 'later' }, { concern: 'local', mayExist: true });
      expect(again.order).toEqual(order);
    }
  });

  it('shows a user no order of another one', async () => {
    const order = newOrder();
    await store().insert(order, local);
    const other = { userId: 'nobody', token: undefined };
    expect(await store().find({ ...other, orderId: order.orderId })).toBeUndefined();
    expect(await store().list({ ...other, after: undefined, limit: 10 })).toMatchObject({
      json: '[]',
      next: undefined,
    });
  });

  it('lists by time, then by id, whatever the order of the inserts', async () => {
    const { userId } = newOrder();
    const times = ['2026-01-01T00:00:00.002Z', '2026-01-01T00:00:00.001Z', '2026-01-01T00:00:00.001Z'];
    const placed = times.map((createdAt) => newOrder({ userId, createdAt }));
    const [late, first, second] = placed.map(({ orderId }) => orderId);
    for (const order of placed.toReversed()) await store().insert(order, local);
    expect((await page(userId)).ids).toEqual([first, second, late]);
  });

  it('sorts ids by their bytes: capitals first, whatever the language', async () => {
    const { userId } = newOrder();
    const ids = ['b', 'B', 'a', 'A', '_', '-', '.'].map((id) => `${userId}${id}`);
    for (const orderId of ids) await store().insert(newOrder({ userId, orderId }), local);
    expect((await page(userId)).ids).toEqual(ids.toSorted());
  });

  it('gives every order once over pages of any size, and names a next page only where there is one', async () => {
    const { userId } = newOrder();
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) {
      const createdAt = `2026-01-01T00:00:00.00${Math.floor(n / 2)}Z`;
      const order = newOrder({ userId, createdAt });
      ids.push(order.orderId);
      await store().insert(order, local);
    }
    for (const limit of [1, 2, 3, 4, 6, 7]) {
      const seen: string[] = [];
      let pages = 0;
      let after: OrderPlace | undefined;
      do {
        const { ids: found, next } = await page(userId, { after, limit });
        seen.push(...found);
        pages += 1;
        after = next;
      } while (after);
      expect(seen).toEqual(ids);
      expect(pages).toBe(Math.ceil(6 / limit));
    }
  });

  it('gives every insert a token of its own, with which a read sees it', async () => {
    const placed = Array.from({ length: 20 }, () => newOrder());
    const tokens = await Promise.all(placed.map(async (order) => (await store().insert(order, local)).token));
    expect(new Set(tokens).size).toBe(20);
    for (const [index, { userId, orderId }] of placed.entries()) {
      const token = tokens[index] ?? '';
      expect(parseToken(token).size).toBe(1);
      const found = await store().find({ userId, orderId, token });
      // What was given is still asked for by who sends the answer's token back.
      const [origin = '', seq = 0] = [...parseToken(token)][0] ?? [];
      expect(parseToken(found?.token ?? '').get(origin)).toBeGreaterThanOrEqual(seq);
      const listed = await store().list({ userId, after: undefined, limit: 10, token });
      expect(parseToken(listed.token).get(origin)).toBeGreaterThanOrEqual(seq);
    }
  });

  it('refuses a token that is none', async () => {
    const { userId, orderId } = newOrder();
    const token = 'no token';
    const isMalformed = (error: unknown): boolean => isReplicationError(error, 'malformed-token');
    await expect(store().find({ userId, orderId, token })).rejects.toSatisfy(isMalformed);
    await expect(store().list({ userId, after: undefined, limit: 1, token })).rejects.toSatisfy(isMalformed);
  });

  it('answers a second order with an id that is there with the first one, however many come at once', async () => {
    const order = newOrder();
    const again = { ...order, quantity: 9, totalPrice: 2250 };
    const first = await store().insert(order, { concern: 'local', mayExist: true });
    const repeated = await Promise.all(
      Array.from({ length: 5 }, (_, n) => store().insert(again, { concern: 'local', mayExist: n % 2 === 0 })),
    );
    for (const answer of [first, ...repeated]) expect(answer.order).toEqual(order);
    expect((await page(order.userId)).ids).toEqual([order.orderId]);
  });

  it('lets one order with a taken id hurt nobody who is stored beside it', async () => {
    const taken = newOrder();
    await store().insert(taken, local);
    const others = Array.from({ length: 30 }, () => newOrder());
    await Promise.all(
      [...others, { ...taken, productId: 'ink' }].map((order) => store().insert(order, local)),
    );
    for (const { userId, orderId } of others) expect((await page(userId)).ids).toEqual([orderId]);
  });
}
