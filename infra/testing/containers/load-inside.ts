/**
 * Orders that are placed on a replica from within its own container, for a replica that nobody else can reach.
 */
import { emptyRecord, type LoadRecord, orderFor } from '../../src/load/order-load.ts';
import type { ContainerHandle } from './container-handle.ts';

/** One client, one order after the other, each with a product of its own; prints what was acknowledged. */
const client = `
const orders = JSON.parse(process.argv.at(-1));
const acknowledged = [];
const failures = [];
for (const { userId, ...order } of orders) {
  const answer = await fetch('http://127.0.0.1:8080/order-service/' + userId + '/orders', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
    signal: AbortSignal.timeout(10_000),
  });
  const body = await answer.json();
  if (answer.status === 201) acknowledged.push([order.productId, body.orderId]);
  else failures.push(String(answer.status));
}
console.log(JSON.stringify({ acknowledged, failures }));
`;

/** Places `count` orders; product ids begin with `name`. */
export async function placeOrdersInside(
  replica: ContainerHandle,
  options: { readonly name: string; readonly count: number },
): Promise<LoadRecord> {
  const { name, count } = options;
  const orders = Array.from({ length: count }, (_, number) => {
    const productId = `${name}-${number}`;
    return { productId, ...orderFor(productId) };
  });
  const { acknowledged, failures } = await replica.evaluate<{
    acknowledged: [string, string][];
    failures: string[];
  }>(client, JSON.stringify(orders));
  const record = emptyRecord();
  for (const { productId } of orders) record.attempted.add(productId);
  for (const [productId, orderId] of acknowledged) record.acknowledged.set(productId, orderId);
  for (const what of failures) record.failures.set(what, (record.failures.get(what) ?? 0) + 1);
  return record;
}
