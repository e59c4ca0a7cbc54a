import { MemoryBroker } from '@dbsync/replication/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { openPeer, stopEverything } from '../running-service.ts';

afterEach(stopEverything);

const row = {
  order_id: '019ab000-0000-7000-8000-000000000000',
  user_id: 'ada',
  product_id: 'pen',
  quantity: 3,
  unit_price: 250,
  total_price: 750,
  created_at: '2026-01-02T03:04:05.678Z',
};

describe('the orders table', () => {
  it('has the columns of the contract', async () => {
    const replica = await openPeer(new MemoryBroker());
    const columns = await replica.reads.all<{ name: string }>("SELECT name FROM pragma_table_info('orders')");
    expect(columns.map(({ name }) => name)).toEqual(
      expect.arrayContaining([...Object.keys(row), 'origin', 'seq', 'superseded']),
    );
  });

  it('serves a page of a user without sorting', async () => {
    const replica = await openPeer(new MemoryBroker());
    const plan = await replica.reads.all<{ detail: string }>(
      `EXPLAIN QUERY PLAN SELECT order_id FROM orders WHERE user_id = ? AND superseded = 0
       AND (created_at, order_id) > (?, ?) ORDER BY created_at, order_id LIMIT ?`,
      ['ada', '2026-01-02T03:04:05.678Z', 'x', 10],
    );
    const text = plan.map(({ detail }) => detail).join('\n');
    expect(text).toMatch(/USING (COVERING )?INDEX/);
    expect(text).not.toMatch(/TEMP B-TREE|SCAN orders/);
  });

  it.each([
    ['quantity', 0],
    ['quantity', 1.5],
    ['unit_price', -1],
    ['total_price', -1],
    ['user_id', 'a b'],
    ['order_id', ''],
    ['created_at', '2026-01-02'],
    ['created_at', '2026-01-02T03:04:05Z'],
    ['note', 'x'.repeat(201)],
    ['note', 'half \ud800'],
    ['notes', 'x'],
  ])('refuses %s of %j whoever writes it', async (column, value) => {
    const replica = await openPeer(new MemoryBroker());
    await expect(
      replica.insert('orders', { ...row, [column]: value }, { concern: 'local' }),
    ).rejects.toMatchObject({ code: 'invalid-row' });
  });
});
