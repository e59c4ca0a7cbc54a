/**
 * Orders that are placed on a replica from within its own container, for a replica that nobody else can reach.
 */
import { emptyRecord, type LoadRecord } from '../../src/load/order-load.ts';
import type { ContainerHandle } from './container-handle.ts';

/** One client, one order after the other, each with a product of its own; prints what was acknowledged. */
const client = `
const [name, count] = process.argv.slice(-2);
const acknowledged = [];
const failures = [];
for (let number = 0; number < Number(count); number += 1) {
  const productId = name + '-' + number;
  const answer = await fetch('http://127.0.0.1:8080/order-service/inside/orders', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ productId, quantity: 1, unitPrice: 100 }),
    signal: AbortSignal.timeout(10_000),
  });
  const body = await answer.json();
  if (answer.status === 201) acknowledged.push([productId, body.orderId]);
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
  const { acknowledged, failures } = await replica.evaluate<{
    acknowledged: [string, string][];
    failures: string[];
  }>(client, name, String(count));
  const record = emptyRecord();
  for (let number = 0; number < count; number += 1) record.attempted.add(`${name}-${number}`);
  for (const [productId, orderId] of acknowledged) record.acknowledged.set(productId, orderId);
  for (const what of failures) record.failures.set(what, (record.failures.get(what) ?? 0) + 1);
  return record;
}
