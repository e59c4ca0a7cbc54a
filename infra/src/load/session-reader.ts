/**
 * Reads beside a load, each one judged: a read with a token never misses that write, and what one replica has shown
 * once it never hides again.
 *
 * A replica whose directory was taken away or put back may show less; it is then told to `forget` it.
 */
import type { PlacedOrder } from './order-load.ts';

/** A read that must not have been answered like that. */
export interface BadRead {
  readonly replica: string;
  readonly what: string;
}

/** What the answer to a read with a token came to. `unanswered`: no answer, or one that promises nothing. */
export type TokenRead = 'seen' | 'refused' | 'unanswered' | { readonly bad: string };

/** Judges the answer to a read of an acknowledged order with its token: the order, a 503, or nothing. */
export function judgeTokenRead(
  order: Pick<PlacedOrder, 'orderId'>,
  answer: { readonly status: number; readonly orderIds: readonly string[] },
): TokenRead {
  if (answer.status === 503) return 'refused';
  if (answer.status !== 200) return { bad: `a read with a token was answered ${answer.status}` };
  if (answer.orderIds.includes(order.orderId)) return 'seen';
  return { bad: `a read with the token of ${order.orderId} was answered 200 without it` };
}

/** How to read. */
export interface SessionReaderOptions {
  /** URL of each replica by name, asked anew for each read. */
  readonly replicas: () => ReadonlyMap<string, string>;
  /** One of `every` acknowledged orders is read. */
  readonly every: number;
  /** Reads in flight at most; orders that come meanwhile are not read. */
  readonly inFlight: number;
}

const answerMs = 5000;
/** What is remembered of each replica; the oldest is forgotten first. */
const rememberedShown = 1000;

/** Reads and judges. */
export class SessionReader {
  readonly bad: BadRead[] = [];
  readonly counters = { seen: 0, refused: 0, unanswered: 0, again: 0 };
  readonly #options: SessionReaderOptions;
  readonly #shown = new Map<string, PlacedOrder[]>();
  readonly #reading = new Set<Promise<void>>();
  #placed = 0;

  constructor(options: SessionReaderOptions) {
    this.#options = options;
  }

  /** Reads an acknowledged order on another replica, unless enough is being read. */
  placed(order: PlacedOrder): void {
    this.#placed += 1;
    if (this.#placed % this.#options.every !== 0 || this.#reading.size >= this.#options.inFlight) return;
    const others = [...this.#options.replicas()].filter(([name]) => name !== order.servedBy);
    const [name, url] = others[this.#placed % Math.max(1, others.length)] ?? [];
    if (name === undefined || url === undefined) return;
    const reading = this.#read({ name, url }, order).finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  /** What `replica` has shown so far counts no more: its directory is another one. */
  forget(replica: string): void {
    this.#shown.delete(replica);
  }

  /** Resolves when no read is in flight. */
  async settled(): Promise<void> {
    await Promise.all(this.#reading);
  }

  async #read(replica: { readonly name: string; readonly url: string }, order: PlacedOrder): Promise<void> {
    const shown = this.#shown.get(replica.name) ?? [];
    this.#shown.set(replica.name, shown);
    const answer = await ask(
      `${replica.url}/order-service/${order.userId}/orders/${order.orderId}`,
      order.token,
    );
    if (answer === null) {
      this.counters.unanswered += 1;
      return;
    }
    // One order is asked for by its id: a 404 is a 200 without it.
    const status = answer.status === 404 ? 200 : answer.status;
    const verdict = judgeTokenRead(order, { status, orderIds: answer.orderIds });
    if (typeof verdict === 'object') this.bad.push({ replica: replica.name, what: verdict.bad });
    else this.counters[verdict] += 1;
    // It may have been told to forget meanwhile.
    if (verdict !== 'seen' || this.#shown.get(replica.name) !== shown) return;
    await this.#readAgain(replica, shown);
    shown.push(order);
    if (shown.length > rememberedShown) shown.shift();
  }

  /** Asks without a token for an order that this replica has shown before. */
  async #readAgain(
    replica: { readonly name: string; readonly url: string },
    shown: readonly PlacedOrder[],
  ): Promise<void> {
    const before = shown[this.#placed % Math.max(1, shown.length)];
    if (before === undefined) return;
    const answer = await ask(`${replica.url}/order-service/${before.userId}/orders/${before.orderId}`);
    if (answer === null || this.#shown.get(replica.name) !== shown) return;
    this.counters.again += 1;
    if (answer.status !== 404) return;
    this.bad.push({ replica: replica.name, what: `it has shown ${before.orderId}, and then no more` });
  }
}

async function ask(url: string, token?: string): Promise<{ status: number; orderIds: string[] } | null> {
  try {
    const answer = await fetch(url, {
      headers: token === undefined ? {} : { 'Consistency-Token': token },
      signal: AbortSignal.timeout(answerMs),
    });
    const body = (await answer.json()) as { orderId?: string };
    return { status: answer.status, orderIds: body.orderId === undefined ? [] : [body.orderId] };
  } catch {
    return null;
  }
}
