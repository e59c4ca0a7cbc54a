/**
 * What the order-service is measured against: the same routes over a store that does nothing, and over one that
 * works the obvious way.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { mintOrigin, systemClock, systemRandom } from '@dbsync/replication';
import { openDatabase } from '@dbsync/replication/testing';
import type { Order } from '../src/domain/order.ts';
import type { OrderBackend } from '../src/storage/order-backend.ts';
import { benchReplication } from './bench-log.ts';

const TOKEN = `order-1.${'0'.repeat(26)}:1`;

/** Stores nothing and answers every list with the same text. */
export function idleBackend(options: { listJson: string }): OrderBackend {
  const page = { json: options.listJson, next: undefined, token: TOKEN };
  return backend({
    insert: async (order) => ({ order, token: TOKEN }),
    list: async () => page,
    find: async () => undefined,
  });
}

/** One transaction and one send a request, as it is written first: same tables, same durability. */
export async function obviousBackend(options: { file: string }): Promise<OrderBackend> {
  mkdirSync(dirname(options.file), { recursive: true });
  const { writer, close } = await openDatabase({ file: options.file, readers: 1 });
  await writer.execute(`
    CREATE TABLE IF NOT EXISTS orders (
      order_id TEXT PRIMARY KEY, user_id TEXT NOT NULL, product_id TEXT NOT NULL, quantity INTEGER NOT NULL,
      unit_price INTEGER NOT NULL, total_price INTEGER NOT NULL, created_at TEXT NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS orders_of_user ON orders (user_id, created_at, order_id);`);
  const origin = mintOrigin('order-1', { clock: systemClock, random: systemRandom });
  const { log } = benchReplication();
  let turn: Promise<unknown> = Promise.resolve();
  let seq = 0;
  const store = async (order: Order): Promise<void> => {
    await writer.run('BEGIN IMMEDIATE');
    await writer.run('INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)', Object.values(order));
    await writer.run('COMMIT');
    await log.append(0, [{ key: order.orderId, value: Buffer.from(JSON.stringify(order)), headers: {} }]);
  };
  return {
    ...backend({
      async insert(order) {
        // A connection has one transaction at a time.
        const stored = turn.then(() => store(order));
        turn = stored.catch(() => undefined);
        await stored;
        seq += 1;
        return { order, token: `${origin}:${seq}` };
      },
      list: async () => ({ json: '[]', next: undefined, token: TOKEN }),
      find: async () => undefined,
    }),
    stop: close,
  };
}

function backend(store: OrderBackend['store']): OrderBackend {
  return {
    store,
    description: {},
    readiness: () => ({ ready: true, reasons: [] }),
    addRoutes: () => undefined,
    addMetrics: () => undefined,
    start: () => undefined,
    stop: async () => undefined,
  };
}
