/**
 * Use case: a user orders a product.
 *
 * command -> order with id, total and time -> store. The id sorts by time (UUIDv7), so that new rows touch the
 * end of the index instead of a page each.
 */
import { v7 as uuidv7 } from 'uuid';
import type { Order, OrderStore, WriteConcern } from './order.ts';

/** What a client sends, checked. */
export interface OrderCommand {
  readonly userId: string;
  readonly productId: string;
  readonly quantity: number;
  readonly unitPrice: number;
}

/** Places an order; the answer's token names the write. Errors are those of the store. */
export async function placeOrder(
  { store, now }: { store: OrderStore; now: () => number },
  command: OrderCommand,
  options: { concern: WriteConcern },
): Promise<{ order: Order; token: string }> {
  const createdAtMs = now();
  const order: Order = {
    orderId: uuidv7({ msecs: createdAtMs }),
    userId: command.userId,
    productId: command.productId,
    quantity: command.quantity,
    unitPrice: command.unitPrice,
    totalPrice: command.quantity * command.unitPrice,
    createdAt: new Date(createdAtMs).toISOString(),
  };
  const { token } = await store.insert(order, options);
  return { order, token };
}
