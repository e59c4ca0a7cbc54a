/**
 * An order as a replica gives it.
 */
export function orderOf(userId: string, orderId = 'o-1') {
  return {
    orderId,
    userId,
    productId: 'p-1',
    quantity: 2,
    unitPrice: 50,
    totalPrice: 100,
    createdAt: '2026-11-23T10:00:00.000Z',
  };
}
