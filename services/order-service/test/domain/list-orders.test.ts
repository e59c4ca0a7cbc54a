import { describe, expect, it } from 'vitest';
import { listOrders } from '../../src/domain/list-orders.ts';
import type { Order, OrderPlace, OrderStore } from '../../src/domain/order.ts';

function order(n: number): Order {
  return {
    orderId: `o${n}`,
    userId: 'ada',
    productId: 'pen',
    quantity: 1,
    unitPrice: 1,
    totalPrice: 1,
    createdAt: `2026-01-01T00:00:00.00${n}Z`,
  };
}

function storeWith(count: number): { store: OrderStore; asked: unknown[] } {
  const asked: unknown[] = [];
  const store: OrderStore = {
    insert: async (placed) => ({ order: placed, token: '' }),
    find: async () => undefined,
    list: async (request) => {
      asked.push(request);
      const orders = Array.from({ length: count }, (_, n) => order(n)).slice(0, request.limit);
      return { orders, token: 'a:2' };
    },
  };
  return { store, asked };
}

describe('listOrders', () => {
  const request = { userId: 'ada', after: undefined, limit: 3, token: 'a:1' };

  it('names the place of the last order while there are more, and the token of what was read', async () => {
    const { store } = storeWith(4);
    expect(await listOrders({ store }, request)).toEqual({
      orders: [order(0), order(1), order(2)],
      next: { createdAt: '2026-01-01T00:00:00.002Z', id: 'o2' },
      token: 'a:2',
    });
  });

  it.each([0, 1, 3])('names none when %d orders are all there are', async (count) => {
    const { store } = storeWith(count);
    const { orders, next } = await listOrders({ store }, request);
    expect([orders.length, next]).toEqual([count, undefined]);
  });

  it('hands on whose orders, from where, and what must be seen', async () => {
    const { store, asked } = storeWith(0);
    const after: OrderPlace = { createdAt: '2026-01-01T00:00:00.000Z', id: 'o9' };
    await listOrders({ store }, { ...request, after });
    expect(asked).toEqual([{ userId: 'ada', after, limit: 4, token: 'a:1' }]);
  });
});
