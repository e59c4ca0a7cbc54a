import { MemoryBroker, waitUntil } from '@dbsync/replication/testing';
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

/** What version 1 hashes and sends for that row, for ever. */
const GOLDEN =
  '{"created_at":"2026-01-02T03:04:05.678Z","order_id":"019ab000-0000-7000-8000-000000000000",' +
  '"product_id":"pen","quantity":3,"total_price":750,"unit_price":250,"user_id":"ada"}';

describe('the orders table', () => {
  it('has the canonical bytes that it has always had, and travels under its own key', async () => {
    const broker = new MemoryBroker();
    const replica = await openPeer(broker, 'order-1');
    await replica.insert('orders', row, { concern: 'local' });
    await waitUntil('it is in the log', () => broker.allRecords().length === 1);
    const [record] = broker.allRecords();
    expect(record?.value?.toString()).toBe(GOLDEN);
    expect(record?.key?.toString()).toBe(row.order_id);
    const text = (name: string): string | undefined => record?.headers[name]?.toString();
    expect(text('ce_type')).toBe('orders.inserted');
    expect(text('ce_source')).toBe('/test/order-1');
    expect(text('ce_schemaversion')).toBe('1');
    expect(text('ce_id')).toBe(`${replica.origin}:1`);
  });

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
    ['note', 'x'],
  ])('refuses %s of %j whoever writes it', async (column, value) => {
    const replica = await openPeer(new MemoryBroker());
    await expect(
      replica.insert('orders', { ...row, [column]: value }, { concern: 'local' }),
    ).rejects.toMatchObject({ code: 'invalid-row' });
  });
});
