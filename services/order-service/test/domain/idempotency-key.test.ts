import { describe, expect, it } from 'vitest';
import {
  IDEMPOTENCY_KEY,
  KeyStillRunning,
  KeyUsedOtherwise,
  orderIdOf,
  RunningKeys,
} from '../../src/domain/idempotency-key.ts';
import { type Order, type OrderStore, OrderStoredOnly } from '../../src/domain/order.ts';
import { placeOrder } from '../../src/domain/place-order.ts';

const command = { userId: 'ada', productId: 'pen', quantity: 3, unitPrice: 250 };
const keyed = { concern: 'local', idempotencyKey: 'k1' } as const;

/** Keeps orders by id as the port asks; `delay` holds an insert back until it is called. */
function memoryStore(): { store: OrderStore; orders: Map<string, Order> } {
  const orders = new Map<string, Order>();
  const store: OrderStore = {
    insert: async (order) => {
      const there = orders.get(order.orderId) ?? order;
      orders.set(order.orderId, there);
      return { order: there, token: 't' };
    },
    list: async () => ({ json: JSON.stringify([...orders.values()]), next: undefined, token: 't' }),
    find: async ({ orderId }) => ({ json: JSON.stringify(orders.get(orderId)), token: 't' }),
  };
  return { store, orders };
}

describe('an idempotency key', () => {
  it.each(['k', ' ', '~', '"8e03978e-40d5-43dd-bc93-6894a57f9324"', 'k'.repeat(128)])('may be %j', (key) => {
    expect(IDEMPOTENCY_KEY.test(key)).toBe(true);
  });

  it.each(['', 'k'.repeat(129), 'a\tb', 'a\n', '\u007f', 'é', '€'])('may not be %j', (key) => {
    expect(IDEMPOTENCY_KEY.test(key)).toBe(false);
  });

  it('gives the same id in every process, for ever', () => {
    expect(orderIdOf({ userId: 'ada', key: 'k1' })).toBe('876b07a6-89b2-831f-a7e6-86902a3f1a2e');
  });

  it('gives a UUID of version 8, another one for every user and every key', () => {
    const ids = ['ada', 'a', 'ad'].flatMap((userId) =>
      ['k1', 'K1', 'k1 ', 'ak1', '"k1"'].map((key) => orderIdOf({ userId, key })),
    );
    expect(new Set(ids).size).toBe(15);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('placeOrder with a key', () => {
  it('answers a repeated command with the order of the first one', async () => {
    const { store, orders } = memoryStore();
    let atMs = 0;
    const placing = { store, runningKeys: new RunningKeys(), now: () => (atMs += 1000) };
    const first = await placeOrder(placing, command, keyed);
    expect(await placeOrder(placing, command, keyed)).toEqual(first);
    expect(orders.size).toBe(1);
  });

  it('takes another user with the same key for another order', async () => {
    const { store, orders } = memoryStore();
    const placing = { store, runningKeys: new RunningKeys(), now: () => 1 };
    await placeOrder(placing, command, keyed);
    await placeOrder(placing, { ...command, userId: 'bob' }, keyed);
    expect(orders.size).toBe(2);
  });

  it.each([{ productId: 'ink' }, { quantity: 4 }, { unitPrice: 251 }])(
    'refuses the key for an order that differs by %o',
    async (change) => {
      const { store, orders } = memoryStore();
      const placing = { store, runningKeys: new RunningKeys(), now: () => 1 };
      await placeOrder(placing, command, keyed);
      const other = placeOrder(placing, { ...command, ...change }, keyed);
      await expect(other).rejects.toBeInstanceOf(KeyUsedOtherwise);
      expect(orders.size).toBe(1);
    },
  );

  it('refuses a second request while the first one runs, and only then', async () => {
    const { store } = memoryStore();
    const gate = Promise.withResolvers<void>();
    const slow: OrderStore = {
      ...store,
      insert: async (order, options) => {
        await gate.promise;
        return store.insert(order, options);
      },
    };
    const placing = { store: slow, runningKeys: new RunningKeys(), now: () => 1 };
    const first = placeOrder(placing, command, keyed);
    await expect(placeOrder(placing, command, keyed)).rejects.toBeInstanceOf(KeyStillRunning);
    const another = placeOrder(placing, command, { ...keyed, idempotencyKey: 'k2' });
    gate.resolve();
    expect((await placeOrder(placing, command, keyed).catch(() => first)).order).toEqual((await first).order);
    await another;
    expect((await placeOrder(placing, command, keyed)).order).toEqual((await first).order);
  });

  it('may be tried again after a failure', async () => {
    const { store } = memoryStore();
    let isFull = true;
    const full: OrderStore = {
      ...store,
      insert: async (order, options) => {
        if (isFull) throw new Error('disk full');
        return store.insert(order, options);
      },
    };
    const placing = { store: full, runningKeys: new RunningKeys(), now: () => 1 };
    await expect(placeOrder(placing, command, keyed)).rejects.toThrow('disk full');
    isFull = false;
    expect((await placeOrder(placing, command, keyed)).order).toMatchObject(command);
  });

  it('says of an order that is only stored whether it is the one that was asked for', async () => {
    const stored: Order = {
      ...command,
      orderId: 'o',
      totalPrice: 750,
      createdAt: '2026-01-02T03:04:05.006Z',
    };
    const store: OrderStore = {
      ...memoryStore().store,
      insert: async () => {
        throw new OrderStoredOnly(stored, new Error('late'));
      },
    };
    const placing = { store, runningKeys: new RunningKeys(), now: () => 1 };
    await expect(placeOrder(placing, command, keyed)).rejects.toBeInstanceOf(OrderStoredOnly);
    const other = placeOrder(placing, { ...command, quantity: 4 }, keyed);
    await expect(other).rejects.toBeInstanceOf(KeyUsedOtherwise);
  });
});
