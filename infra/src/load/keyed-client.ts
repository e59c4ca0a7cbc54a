/**
 * A client that knows one address, as there are many: it places orders with keys, sends each again until it is told,
 * keeps its session, and judges what it is told.
 *
 * One thing after the other. What breaks a promise is handed on; an answer that promises nothing is counted.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { KeptSession, type SessionMode } from '../sessions/kept-session.ts';
import { failureName, orderFor, type PlacedOrder, unansweredName } from './order-load.ts';
import { judgeTokenRead } from './session-reader.ts';

/** A promise that an answer has broken. */
export interface BrokenAnswer {
  readonly invariant: 'I7' | 'I8';
  /** In a few words that are the same for every case. */
  readonly kind: 'own write missed' | 'went back' | 'another answer' | 'refused';
  readonly what: string;
}

/** What a client does. */
export interface KeyedClientOptions {
  readonly gatewayUrl: string;
  readonly mode: SessionMode;
  /** Longest wait for one answer, in milliseconds. */
  readonly answerMs: number;
  /** How long it goes on sending the same again, in milliseconds. */
  readonly patienceMs: number;
  /** Ends what it sends again. */
  readonly signal: AbortSignal;
  /** Called for each answer that was not the one asked for, with what it is counted under. */
  readonly onFailure: (what: string) => void;
  readonly onBroken: (broken: BrokenAnswer) => void;
}

interface Told {
  /** 0: no answer. */
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers: Headers;
}

/** An order that this client was told of or has seen. */
export type KnownOrder = Pick<PlacedOrder, 'productId' | 'orderId' | 'userId'>;

/** May simply be sent again, with its key: running, away, too late, no room. A 500 is judged with the load. */
const again: ReadonlySet<number> = new Set([0, 409, 500, 502, 503, 504, 507]);
const longestPauseMs = 1000;
/** Orders that it remembers to have been shown; the oldest is forgotten first. */
const rememberedSeen = 200;

/** See the head of the file. */
export class KeyedClient {
  readonly #options: KeyedClientOptions;
  readonly #session: KeptSession;
  readonly #seen: KnownOrder[] = [];
  #turns = 0;

  constructor(options: KeyedClientOptions) {
    this.#options = options;
    this.#session = new KeptSession(options.mode);
  }

  /** Places the order for a product until it is acknowledged; undefined when it has given up. */
  async place(productId: string): Promise<PlacedOrder | undefined> {
    const { userId, ...rest } = orderFor(productId);
    const told = await this.#untilPlaced({
      method: 'POST',
      path: `/order-service/${userId}/orders`,
      headers: { 'content-type': 'application/json', 'idempotency-key': productId },
      body: JSON.stringify({ productId, ...rest }),
    });
    if (told === undefined) return undefined;
    const wanted = { userId, productId, ...rest, totalPrice: rest.quantity * rest.unitPrice };
    const isOther = Object.entries(wanted).some(([name, value]) => told.body[name] !== value);
    if (isOther) this.#broken('I8', 'another answer', `${productId}: ${JSON.stringify(told.body)}`);
    return {
      productId,
      userId,
      orderId: String(told.body.orderId),
      token: told.headers.get('consistency-token') ?? '',
      servedBy: told.headers.get('x-served-by') ?? '',
    };
  }

  /** Sends an acknowledged order once more, with its key: it has to be the same order. */
  async placeAgain(placed: KnownOrder): Promise<void> {
    const repeated = await this.place(placed.productId);
    if (repeated === undefined || repeated.orderId === placed.orderId) return;
    this.#broken('I8', 'another answer', `${placed.productId}: ${placed.orderId}, then ${repeated.orderId}`);
  }

  /** Reads an order that this client has placed; true when it was shown. */
  async readOwn(order: KnownOrder): Promise<boolean> {
    return this.#readOwed(order, 'own write missed');
  }

  /** Looks for an order of somebody else, which need not be shown; from then on it has to be. */
  async lookFor(order: KnownOrder): Promise<void> {
    const told = await this.#ask({ method: 'GET', path: pathOf(order) });
    if (told.status === 200) this.#saw(order);
    else if (told.status !== 404) this.#options.onFailure(`GET ${nameOf(told)}`);
  }

  /** Reads an order that was shown to this client before; true when it was shown again. */
  async readSeen(): Promise<boolean> {
    this.#turns += 1;
    const order = this.#seen[this.#turns % Math.max(1, this.#seen.length)];
    return order === undefined ? false : this.#readOwed(order, 'went back');
  }

  async #readOwed(order: KnownOrder, kind: BrokenAnswer['kind']): Promise<boolean> {
    // Asked once: while replicas cannot reach each other nobody may be able to answer, and orders go on.
    const told = await this.#ask({ method: 'GET', path: pathOf(order) });
    if (again.has(told.status)) {
      this.#options.onFailure(`GET ${nameOf(told)}`);
      return false;
    }
    // One order is asked for by its id: a 404 is a 200 without it.
    const status = told.status === 404 ? 200 : told.status;
    const orderIds = told.body.orderId === undefined ? [] : [String(told.body.orderId)];
    const verdict = judgeTokenRead(order, { status, orderIds });
    if (typeof verdict === 'object') this.#broken('I7', kind, `${verdict.bad} (${nameOf(told)})`);
    else this.#saw(order);
    return verdict === 'seen';
  }

  #saw(order: KnownOrder): void {
    // One that is remembered would only push out others.
    if (this.#seen.some(({ orderId }) => orderId === order.orderId)) return;
    this.#seen.push(order);
    if (this.#seen.length > rememberedSeen) this.#seen.shift();
  }

  #broken(invariant: BrokenAnswer['invariant'], kind: BrokenAnswer['kind'], what: string): void {
    this.#options.onBroken({ invariant, kind, what });
  }

  /** Sends until the answer is a 201; undefined when it has given up or was refused. */
  async #untilPlaced(request: { readonly path: string } & RequestInit): Promise<Told | undefined> {
    const giveUpAt = performance.now() + this.#options.patienceMs;
    for (;;) {
      const told = await this.#ask(request);
      if (told.status === 201) return told;
      this.#options.onFailure(nameOf(told));
      if (!again.has(told.status)) {
        this.#broken('I8', 'refused', `${request.path}: ${nameOf(told)} ${JSON.stringify(told.body)}`);
        return undefined;
      }
      if (performance.now() > giveUpAt || this.#options.signal.aborted) return undefined;
      const askedMs = Number(told.headers.get('retry-after') ?? 0) * 1000;
      const pauseMs = Math.min(longestPauseMs, Math.max(100, askedMs));
      await pause(pauseMs, undefined, { signal: this.#options.signal }).catch(() => undefined);
    }
  }

  async #ask({ path, ...request }: { readonly path: string } & RequestInit): Promise<Told> {
    try {
      const answer = await fetch(`${this.#options.gatewayUrl}${path}`, {
        ...request,
        headers: { ...(request.headers as Record<string, string>), ...this.#session.headers() },
        signal: AbortSignal.timeout(this.#options.answerMs),
      });
      const body = (await answer.json()) as Told['body'];
      // Not before the body is here: what the token names has then been shown.
      this.#session.keep(answer.headers);
      return { status: answer.status, body, headers: answer.headers };
    } catch (error) {
      return { status: 0, body: { type: `/problems/${unansweredName(error)}` }, headers: new Headers() };
    }
  }
}

function pathOf({ userId, orderId }: KnownOrder): string {
  return `/order-service/${userId}/orders/${orderId}`;
}

/** A call without an answer is counted under the code of its connection's end alone. */
function nameOf({ status, body }: Told): string {
  return failureName(status, body).replace(/^0 /, '');
}
