/**
 * The demo's customer: talks to a cluster over HTTP, like every other client.
 */
import { z } from 'zod';
import { InfraError } from '../infra-error.ts';

const requestTimeoutMs = 10_000;
const userSchema = z.object({ userId: z.string() });
const userWithOrdersSchema = z.object({
  orders: z.array(z.object({ productId: z.string() })),
  ordersUnavailable: z.boolean().optional(),
});

/** Creates a user at the user-service and returns the id. */
export async function createUser(userUrl: string): Promise<string> {
  const body = { email: 'ada@example.com', name: 'Ada', password: 'difference engine' };
  return userSchema.parse(await call(`${userUrl}/users`, { method: 'POST', body, expected: 201 })).userId;
}

/** Places an order at one replica. */
export async function placeOrder(
  orderUrl: string,
  order: { userId: string; productId: string },
): Promise<void> {
  const body = { productId: order.productId, quantity: 1, unitPrice: 1500 };
  await call(`${orderUrl}/order-service/${order.userId}/orders`, { method: 'POST', body, expected: 201 });
}

/** Products that `GET /users/{userId}` shows, in its order; null while the user-service has no replica to ask. */
export async function productsOf(userUrl: string, userId: string): Promise<readonly string[] | null> {
  const answer = userWithOrdersSchema.parse(await call(`${userUrl}/users/${userId}`, { expected: 200 }));
  return answer.ordersUnavailable === true ? null : answer.orders.map((order) => order.productId);
}

async function call(
  url: string,
  request: { readonly method?: string; readonly body?: object; readonly expected: number },
): Promise<unknown> {
  const method = request.method ?? 'GET';
  const response = await fetch(url, {
    method,
    signal: AbortSignal.timeout(requestTimeoutMs),
    ...(request.body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(request.body) }),
  });
  const text = await response.text();
  if (response.status === request.expected) return JSON.parse(text);
  throw new InfraError({
    code: 'service-failed',
    message: `${method} ${url} answered ${response.status} instead of ${request.expected}: ${text.slice(0, 300)}`,
    hint: 'The log lines of the services, above, may say why.',
  });
}
