/**
 * Load on order replicas, recorded outside the cluster: what was attempted, what was acknowledged.
 *
 * Every order has a product of its own, so an order that appears without an id that we were told can still be told
 * from one that nobody attempted; what else it holds follows from its product, so that altered rows are noticed.
 */
import { pacing } from './pacing.ts';

/** What a load came to. */
export interface LoadRecord {
  /** Product ids of all orders that were sent, answered or not. */
  readonly attempted: Set<string>;
  /** Order id by product id, for every 201. */
  readonly acknowledged: Map<string, string>;
  /** Answers that were not 201, by status and problem (`503 database-busy`), and connections that failed, by their code. */
  readonly failures: Map<string, number>;
}

/** An order that was answered with 201. */
export interface PlacedOrder {
  readonly productId: string;
  readonly orderId: string;
  readonly userId: string;
  readonly token: string;
  /** The replica that said so. */
  readonly servedBy: string;
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
  /** Users that take turns. Default: 50. */
  readonly users?: number;
  /** Orders a second at most, over all clients. Default: as many as are answered. */
  readonly ratePerSecond?: number;
  /** Longest wait for one answer, in milliseconds. Default: 20 000. */
  readonly answerMs?: number;
  /** Each order has its product id for a key, so that it may be sent again. Default: false. */
  readonly isKeyed?: boolean;
  /** Called for every 201. */
  readonly onPlaced?: (placed: PlacedOrder) => void;
  /** Filled while the load runs. Default: a new one. */
  readonly record?: LoadRecord;
}

/** A record of nothing yet. */
export function emptyRecord(): LoadRecord {
  return { attempted: new Set(), acknowledged: new Map(), failures: new Map() };
}

/** What the order for a product holds: it follows from the number at the end of the product's id. */
export function orderFor(
  productId: string,
  users = 50,
): { userId: string; quantity: number; unitPrice: number } {
  const number = Number(/\d+$/.exec(productId)?.[0] ?? 0);
  return { userId: `user-${number % users}`, quantity: 1 + (number % 7), unitPrice: 100 + (number % 90) };
}

/** Orders in flight stop at `count`, or when `signal` says so; nothing is retried. */
export async function placeOrders(options: LoadOptions): Promise<LoadRecord> {
  const record = options.record ?? emptyRecord();
  const count = options.count ?? Number.POSITIVE_INFINITY;
  const itsTurn = pacing(options);
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent < count && !options.signal?.aborted) {
      const number = sent;
      sent += 1;
      await itsTurn();
      if (!options.signal?.aborted) await placeOne(number, options, record);
    }
  };
  await Promise.all(Array.from({ length: options.clients }, client));
  return record;
}

/** Counts failures of one name in the record. */
export function countFailure({ failures }: LoadRecord, what: string, count = 1): void {
  failures.set(what, (failures.get(what) ?? 0) + count);
}

/** What an answer that was not hoped for is counted under: `503 database-busy`, or the status alone. */
export function failureName(status: number, body: { readonly type?: string }): string {
  return `${status} ${/^\/problems\/(.+)$/.exec(body.type ?? '')?.[1] ?? ''}`.trim();
}

/** True for what an answer 500 is counted under, whether it was to an order or to a read. */
export function isAnswer500(failure: string): boolean {
  return /^(?:GET )?500\b/.test(failure);
}

/** What a call without an answer is counted under: the code of the connection's end, or the error's name. */
export function unansweredName(error: unknown): string {
  const cause = (error as { cause?: { code?: string } }).cause?.code;
  return cause ?? (error instanceof Error ? error.name : 'unknown');
}

async function placeOne(number: number, options: LoadOptions, record: LoadRecord): Promise<void> {
  const urls = options.urls();
  const productId = `${options.name}-${number}`;
  const { userId, ...rest } = orderFor(productId, options.users);
  const fail = (what: string): void => countFailure(record, what);
  record.attempted.add(productId);
  try {
    const answer = await fetch(`${urls[number % urls.length]}/order-service/${userId}/orders`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(options.isKeyed === true ? { 'idempotency-key': productId } : {}),
      },
      body: JSON.stringify({ productId, ...rest }),
      signal: AbortSignal.timeout(options.answerMs ?? 20_000),
    });
    const body = (await answer.json()) as { orderId?: string; type?: string };
    const { orderId } = body;
    if (answer.status !== 201 || orderId === undefined) return fail(failureName(answer.status, body));
    record.acknowledged.set(productId, orderId);
    const token = answer.headers.get('consistency-token') ?? '';
    const servedBy = answer.headers.get('x-served-by') ?? '';
    options.onPlaced?.({ productId, orderId, userId, token, servedBy });
  } catch (error) {
    fail(unansweredName(error));
  }
}
