/**
 * Load on order replicas, recorded outside the cluster: what was attempted, what was acknowledged.
 *
 * Every order has a product of its own, so an order that appears without an id that we were told can still be told
 * from one that nobody attempted.
 */

/** What a load came to. */
export interface LoadRecord {
  /** Product ids of all orders that were sent, answered or not. */
  readonly attempted: Set<string>;
  /** Order id by product id, for every 201. */
  readonly acknowledged: Map<string, string>;
  /** Answers that were not 201, and connections that failed, by what they were. */
  readonly failures: Map<string, number>;
}

/** How to load. */
export interface LoadOptions {
  /** Base URLs; order k goes to URL k mod n. Asked anew for each order. */
  readonly urls: () => readonly string[];
  /** Orders to send; or undefined until `signal` ends it. */
  readonly count?: number;
  readonly clients: number;
  /** First part of product ids. */
  readonly name: string;
  readonly signal?: AbortSignal;
  /** Default: 50 users. */
  readonly users?: number;
}

/** Longest wait for one answer, in milliseconds. */
const ANSWER_MS = 20_000;

/** Orders in flight stop at `count`, or when `signal` says so; nothing is retried. */
export async function placeOrders(options: LoadOptions): Promise<LoadRecord> {
  const record: LoadRecord = { attempted: new Set(), acknowledged: new Map(), failures: new Map() };
  const count = options.count ?? Number.POSITIVE_INFINITY;
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent < count && !options.signal?.aborted) {
      const number = sent;
      sent += 1;
      await placeOne(number, options, record);
    }
  };
  await Promise.all(Array.from({ length: options.clients }, client));
  return record;
}

async function placeOne(number: number, options: LoadOptions, record: LoadRecord): Promise<void> {
  const urls = options.urls();
  const productId = `${options.name}-${number}`;
  const userId = `user-${number % (options.users ?? 50)}`;
  const fail = (what: string): void => void record.failures.set(what, (record.failures.get(what) ?? 0) + 1);
  record.attempted.add(productId);
  try {
    const answer = await fetch(`${urls[number % urls.length]}/order-service/${userId}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ productId, quantity: 1, unitPrice: 100 }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const body = (await answer.json()) as { orderId?: string };
    if (answer.status === 201 && body.orderId) record.acknowledged.set(productId, body.orderId);
    else fail(String(answer.status));
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code;
    fail(cause ?? (error instanceof Error ? error.name : 'unknown'));
  }
}
