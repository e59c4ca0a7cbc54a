/**
 * Where an order is found: the one place that spells its address.
 */
import type { Order } from '../domain/order.ts';

/** The path of an order on every replica; ids are made of characters that need no escape. */
export function orderPath({ userId, orderId }: Pick<Order, 'userId' | 'orderId'>): string {
  return `/order-service/${userId}/orders/${orderId}`;
}
