/**
 * A client that repeats everything: each order goes to several replicas at once, with one key, until one answers.
 *
 * It keeps its session as the gateway would, and writes down what it was told.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { RetryEvent, SeededRandom, SeenOrder } from '@dbsync/infra/testing';
import { joinToken, mergeTokens, parseToken, type Token } from '@dbsync/replication';
import { KeyUsedOtherwise } from '../../src/domain/idempotency-key.ts';
import type { Order, WriteConcern } from '../../src/domain/order.ts';
import { placeOrder } from '../../src/domain/place-order.ts';
import type { Life, Machine } from './machine.ts';

/** Whose orders all of this is about. */
export const userId = 'ada';
const MAX_TRIES = 200;
const BETWEEN_TRIES_MS = 5;

/** See the head of the file. */
export class RetryingClient {
  readonly history: RetryEvent[] = [];
  /** Orders and reads that nobody answered although they were repeated for long. */
  unanswered = 0;
  readonly #machines: readonly Machine[];
  readonly #random: SeededRandom;
  readonly #now: () => number;
  #token: Token = new Map();

  constructor(options: { machines: readonly Machine[]; random: SeededRandom; now: () => number }) {
    this.#machines = options.machines;
    this.#random = options.random;
    this.#now = options.now;
  }

  /** Places an order with `key`; `body` is its quantity. */
  async place(key: string, body: string): Promise<void> {
    const concern = this.#random.pick<WriteConcern>(['local', 'local', 'log']);
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const targets = this.#random
        .shuffle(this.#machines)
        .slice(0, this.#random.between(1, this.#machines.length));
      const told = await Promise.all(
        targets.map((machine) => this.#placeOn(machine, { key, body }, concern)),
      );
      if (told.includes(true)) return;
      await pause(BETWEEN_TRIES_MS);
    }
    this.unanswered += 1;
  }

  /** Reads all orders, from whichever replica answers first that has what this client has seen. */
  async read(): Promise<void> {
    const token = this.#token.size > 0 ? joinToken(this.#token) : undefined;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const machine = this.#random.pick(this.#machines);
      try {
        const page = await machine.ask(({ store }) =>
          store.list({ userId, after: undefined, limit: 500, token }),
        );
        this.#saw(page.token);
        this.history.push({ kind: 'read', orders: (JSON.parse(page.json) as Order[]).map(seenOf) });
        return;
      } catch {
        await pause(BETWEEN_TRIES_MS);
      }
    }
    this.unanswered += 1;
  }

  async #placeOn(
    machine: Machine,
    said: { key: string; body: string },
    concern: WriteConcern,
  ): Promise<boolean> {
    this.history.push({ kind: 'asked', ...said });
    try {
      const { order, token } = await machine.ask((life) =>
        placeOn(life, { ...said, concern, now: this.#now }),
      );
      this.#saw(token);
      // What was asked for: an answer that says something else is one for another body.
      this.history.push({ kind: 'placed', ...seenOf(order), ...said });
      return true;
    } catch (error) {
      if (!(error instanceof KeyUsedOtherwise)) return false;
      this.#saw(error.token ?? '');
      this.history.push({ kind: 'refused', ...said });
      return true;
    }
  }

  #saw(token: string): void {
    if (token !== '') this.#token = mergeTokens(this.#token, parseToken(token));
  }
}

/** Places an order through the use case, as the route does. */
export function placeOn(
  { store, runningKeys }: Life,
  asked: { key: string; body: string; concern: WriteConcern; now: () => number },
): Promise<{ order: Order; token: string }> {
  const { key, body, concern, now } = asked;
  const command = { userId, productId: key, quantity: Number(body), unitPrice: 1 };
  return placeOrder({ store, runningKeys, now }, command, { concern, idempotencyKey: key });
}

/** An order as the judge wants it: its product is named after its key. */
export function seenOf({ orderId, productId, quantity, createdAt }: Order): SeenOrder {
  return { orderId, key: productId, body: String(quantity), createdAt };
}
