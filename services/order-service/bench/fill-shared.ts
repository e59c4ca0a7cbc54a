/**
 * Places orders that nobody placed in a shared PostgreSQL: the rows that a replica of the same size holds.
 */
import { createLogger } from '@dbsync/service-kit';
import { sharedBackend } from '../src/storage/shared-backend.ts';
import { madeOrders } from './made-orders.ts';

const task = JSON.parse(process.argv[2] ?? '') as {
  readonly databaseUrl: string;
  readonly rows: number;
  readonly users: number;
};

const READY_MS = 30_000;
/** Inserts under way; the store makes groups of them. */
const AT_ONCE = 1000;

const { store, readiness, stop } = sharedBackend({
  replicaId: 'fill',
  databaseUrl: task.databaseUrl,
  readers: undefined,
  maxQueuedWrites: undefined,
  logger: createLogger({ name: 'fill', level: 'silent' }),
});
const deadline = performance.now() + READY_MS;
while (!readiness().ready) {
  if (performance.now() > deadline) throw new Error(readiness().reasons.join('; '));
  await new Promise((resolve) => setTimeout(resolve, 20));
}
const orders = madeOrders({ count: task.rows, users: task.users, runs: 1 });
await Promise.all(Array.from({ length: AT_ONCE }, place));
await stop();
process.stdout.write(`${JSON.stringify({ rows: task.rows })}\n`);

async function place(): Promise<void> {
  for (;;) {
    const next = orders.next();
    if (next.done) return;
    const { row } = next.value;
    const order = {
      orderId: String(row.order_id),
      userId: String(row.user_id),
      productId: String(row.product_id),
      quantity: Number(row.quantity),
      unitPrice: Number(row.unit_price),
      totalPrice: Number(row.total_price),
      createdAt: String(row.created_at),
    };
    await store.insert(order, { concern: 'local', mayExist: false });
  }
}
