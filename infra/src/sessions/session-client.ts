/**
 * A client of the gateway as there are many: it knows one address, keeps what it is given, and tries again when told.
 *
 * `cookie`: like a browser or curl with a jar, it keeps cookies and knows of no token. `header`: it sends back the
 * token of its last answer. What it was told is written into its history; answers that promise nothing are counted.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { KeptSession, type SessionMode } from './kept-session.ts';
import type { SessionEvent } from './session-judge.ts';

/** Longest wait for one answer, and for an answer that counts. */
const ANSWER_MS = 20_000;
const PATIENCE_MS = 60_000;
const RETRY_MS = 100;
/** What a client may simply send again: not there yet, running, too late, away. */
const AGAIN = new Set([0, 409, 502, 503, 504]);

/** What a client does. */
export interface SessionClientOptions {
  readonly name: string;
  readonly gatewayUrl: string;
  readonly mode: SessionMode;
  /** Sends a key with each order, so that it may be sent again. */
  readonly hasKeys: boolean;
}

/** An answer, or what became of the wait for it: status 0. */
interface Told {
  readonly status: number;
  readonly body: unknown;
}

/** See the head of the file. */
export class SessionClient {
  readonly history: SessionEvent[] = [];
  /** Answers that were not what was asked for, by method and status; 0 for none at all. */
  readonly failures = new Map<string, number>();
  /** Longest time from the first question to an answer that counts, in milliseconds. */
  longestWaitMs = 0;
  readonly #options: SessionClientOptions;
  readonly #session: KeptSession;
  #users = 0;

  constructor(options: SessionClientOptions) {
    this.#options = options;
    this.#session = new KeptSession(options.mode);
  }

  /** Longest token or cookie that it was given, in characters. */
  get longestToken(): number {
    return this.#session.longest;
  }

  /** Registers one more user and answers with its id. */
  async register(): Promise<string> {
    this.#users += 1;
    const name = `${this.#options.name}-${this.#users}`;
    const user = { email: `${name}@example.com`, name, password: 'difference engine' };
    const told = await this.#untilTold('POST', '/user-service/users', { body: user, expected: 201 });
    return (told.body as { userId: string }).userId;
  }

  /** Places an order for `key`, its product's name, until it is answered. */
  async place(userId: string, key: string): Promise<void> {
    this.history.push({ kind: 'asked', userId, key });
    const told = await this.#untilTold('POST', `/order-service/${userId}/orders`, {
      body: { productId: key, quantity: 1, unitPrice: 100 },
      expected: 201,
      ...(this.#options.hasKeys ? { headers: { 'idempotency-key': key } } : {}),
    });
    this.history.push({ kind: 'placed', userId, key, orderId: (told.body as { orderId: string }).orderId });
  }

  /** Reads the orders of a user from a replica. */
  async read(userId: string): Promise<void> {
    const path = `/order-service/${userId}/orders?limit=500`;
    const told = await this.#untilTold('GET', path, { expected: 200 });
    this.history.push({ kind: 'read', userId, orderIds: idsOf(told.body) });
  }

  /** Reads the orders of a user through the user-service, which shows the first hundred. */
  async readUser(userId: string): Promise<void> {
    const told = await this.#untilTold('GET', `/user-service/users/${userId}`, {
      expected: 200,
      isTold: (body) => (body as { ordersUnavailable?: boolean }).ordersUnavailable !== true,
    });
    const { orders, ordersNext } = told.body as { orders: unknown; ordersNext: string | null };
    if (ordersNext !== null) throw new Error(`user ${userId} has more orders than a read shows`);
    this.history.push({ kind: 'read', userId, orderIds: idsOf(orders) });
  }

  async #untilTold(
    method: string,
    path: string,
    what: {
      expected: number;
      body?: object;
      headers?: Record<string, string>;
      isTold?: (body: unknown) => boolean;
    },
  ): Promise<Told> {
    const askedAt = performance.now();
    for (;;) {
      const told = await this.#ask(method, path, what);
      const waitedMs = performance.now() - askedAt;
      this.longestWaitMs = Math.max(this.longestWaitMs, waitedMs);
      if (told.status === what.expected && (what.isTold?.(told.body) ?? true)) return told;
      const failure = `${method} ${told.status}`;
      this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1);
      const mayRepeat = method === 'GET' || what.headers !== undefined || told.status === 503;
      const isHopeful = mayRepeat && (AGAIN.has(told.status) || told.status === what.expected);
      if (!isHopeful || waitedMs > PATIENCE_MS) {
        const waited = `after ${(waitedMs / 1000).toFixed(1)} s`;
        throw new Error(`${method} ${path}: ${told.status} ${JSON.stringify(told.body)} ${waited}`);
      }
      await pause(RETRY_MS);
    }
  }

  async #ask(
    method: string,
    path: string,
    { body, headers }: { body?: object; headers?: Record<string, string> },
  ): Promise<Told> {
    try {
      const answer = await fetch(`${this.#options.gatewayUrl}${path}`, {
        method,
        headers: {
          ...headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...this.#session.headers(),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      this.#session.keep(answer.headers);
      return { status: answer.status, body: await answer.json() };
    } catch (error) {
      return { status: 0, body: String(error) };
    }
  }
}

function idsOf(orders: unknown): string[] {
  return (orders as { orderId: string }[]).map(({ orderId }) => orderId);
}
