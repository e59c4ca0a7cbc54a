import { describe, expect, it } from 'vitest';
import { RunningKeys } from '../../src/domain/idempotency-key.ts';
import type { Order, OrderStore } from '../../src/domain/order.ts';
import { placeOrder } from '../../src/domain/place-order.ts';

const runningKeys = new RunningKeys();
const command = { userId: 'ada', productId: 'pen', quantity: 3, unitPrice: 250 };

function recordingStore(): { store: OrderStore; inserted: { order: Order; concern: string }[] } {
  const inserted: { order: Order; concern: string }[] = [];
  const store: OrderStore = {
    insert: async (order, { concern }) => {
      inserted.push({ order, concern });
      return { order, token: `t${inserted.length}` };
    },
    list: async () => ({ json: '[]', next: undefined, token: '' }),
    find: async () => undefined,
  };
  return { store, inserted };
}

describe('placeOrder', () => {
  it('stores what it answers with, as sure as was asked for', async () => {
    const { store, inserted } = recordingStore();
    const now = (): number => Date.UTC(2026, 0, 2, 3, 4, 5, 6);
    const { order, token } = await placeOrder({ store, runningKeys, now }, command, { concern: 'log' });
    expect(inserted).toEqual([{ order, concern: 'log' }]);
    expect(token).toBe('t1');
    expect(order).toMatchObject({ ...command, totalPrice: 750, createdAt: '2026-01-02T03:04:05.006Z' });
  });

  it('makes ids that sort as they were made and carry the time of the order', async () => {
    const { store, inserted } = recordingStore();
    let atMs = Date.UTC(2026, 0, 1);
    const now = (): number => (atMs += 1);
    for (let i = 0; i < 200; i += 1)
      await placeOrder({ store, runningKeys, now }, command, { concern: 'local' });
    const ids = inserted.map(({ order }) => order.orderId);
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(200);
    for (const { order } of inserted) {
      const ms = Number.parseInt(order.orderId.replaceAll('-', '').slice(0, 12), 16);
      expect(new Date(ms).toISOString()).toBe(order.createdAt);
    }
  });

  it('gives different ids within one millisecond', async () => {
    const { store, inserted } = recordingStore();
    await Promise.all(
      Array.from({ length: 500 }, () =>
        placeOrder({ store, runningKeys, now: () => 1 }, command, { concern: 'local' }),
      ),
    );
    expect(new Set(inserted.map(({ order }) => order.orderId)).size).toBe(500);
  });

  it('hands on what the store throws', async () => {
    const store: OrderStore = { ...recordingStore().store, insert: () => Promise.reject(new Error('no')) };
    await expect(
      placeOrder({ store, runningKeys, now: () => 1 }, command, { concern: 'local' }),
    ).rejects.toThrow('no');
  });
});
