/**
 * Use case: a user orders a product.
 *
 * command -> order with id, total and time -> store. The id sorts by time (UUIDv7), so that new rows touch the
 * end of the index instead of a page each; with an idempotency key it is derived from user and key, so that a
 * repeated command finds the order of the first one.
 */
import { v7 as uuidv7 } from 'uuid';
import { KeyUsedOtherwise, orderIdOf, type RunningKeys } from './idempotency-key.ts';
import { type Order, type OrderStore, OrderStoredOnly, type WriteConcern } from './order.ts';

/** What a client sends, checked. */
export interface OrderCommand {
  readonly userId: string;
  readonly productId: string;
  readonly quantity: number;
  readonly unitPrice: number;
  readonly note?: string | undefined;
}

/** What the use case works with. */
export interface OrderPlacing {
  readonly store: OrderStore;
  readonly runningKeys: RunningKeys;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How sure the order has to be, the client's key, and its place in a trace, where it has them. */
export interface PlacementOptions {
  readonly concern: WriteConcern;
  readonly idempotencyKey?: string | undefined;
  /** What the client has seen: an order that it placed with its key elsewhere is looked for there. */
  readonly token?: string | undefined;
  readonly traceParent?: string | undefined;
}

/**
 * Places an order, or finds the one that the same user placed with the same key; the answer's token names the write.
 * @throws KeyStillRunning, KeyUsedOtherwise, and the errors of the store.
 */
export async function placeOrder(
  { store, runningKeys, now }: OrderPlacing,
  command: OrderCommand,
  { concern, idempotencyKey: key, token, traceParent }: PlacementOptions,
): Promise<{ order: Order; token: string }> {
  const createdAtMs = now();
  const orderId = key === undefined ? uuidv7({ msecs: createdAtMs }) : orderIdOf({ ...command, key });
  const order = orderOf(command, { orderId, createdAtMs });
  if (key === undefined) return store.insert(order, { concern, mayExist: false, traceParent });
  return runningKeys.alone(orderId, async () => {
    try {
      const placed = await store.insert(order, { concern, mayExist: true, token, traceParent });
      assertSame(placed, order);
      return placed;
    } catch (error) {
      if (error instanceof OrderStoredOnly) assertSame(error, order);
      throw error;
    }
  });
}

function orderOf(command: OrderCommand, made: { orderId: string; createdAtMs: number }): Order {
  return {
    orderId: made.orderId,
    userId: command.userId,
    productId: command.productId,
    quantity: command.quantity,
    unitPrice: command.unitPrice,
    totalPrice: command.quantity * command.unitPrice,
    createdAt: new Date(made.createdAtMs).toISOString(),
    ...(command.note === undefined ? {} : { note: command.note }),
  };
}

/** Everything that a client says counts; when it was said first does not. */
function assertSame(
  { order: stored, token }: { order: Order; token: string | undefined },
  wanted: Order,
): void {
  const isSame =
    stored.userId === wanted.userId &&
    stored.productId === wanted.productId &&
    stored.quantity === wanted.quantity &&
    stored.unitPrice === wanted.unitPrice &&
    stored.note === wanted.note;
  if (!isSame) throw new KeyUsedOtherwise(token);
}
