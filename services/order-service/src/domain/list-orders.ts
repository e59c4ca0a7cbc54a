/**
 * Use case: a page of a user's orders.
 */
import type { Order, OrderPlace, OrderStore } from './order.ts';

/** Lists orders by createdAt, then orderId. `next` is the place of the last one while there are more. */
export async function listOrders(
  { store }: { store: OrderStore },
  request: { userId: string; after: OrderPlace | undefined; limit: number; token: string | undefined },
): Promise<{ orders: Order[]; next: OrderPlace | undefined; token: string }> {
  // One more than asked for tells whether there is a next page.
  const { orders: found, token } = await store.list({ ...request, limit: request.limit + 1 });
  const orders = found.slice(0, request.limit);
  const last = orders.at(-1);
  const next =
    found.length > orders.length && last ? { createdAt: last.createdAt, id: last.orderId } : undefined;
  return { orders, next, token };
}
