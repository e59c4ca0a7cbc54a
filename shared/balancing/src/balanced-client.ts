/**
 * The balanced client: asks one of the order replicas, another one where that is safe, and nobody twice.
 *
 *   known, not asked yet -> breaker closed -> not leaving -> ready, near the end of the log -> covers the token ->
 *   whose turn it is
 *
 * Each step after the breaker narrows the choice only while somebody is left; who was asked is left out before, so a
 * second try goes to one that is leaving or behind rather than to nobody. A read is tried a second time.
 * A write is, only if its caller says that it may be repeated (`Idempotency-Key`). A connection that was refused
 * was no try: nothing was sent, and the next one is asked. When both tries fail, the caller gets the answer that says
 * more about its request, not the later one.
 */
import { createHash } from 'node:crypto';
import type { Token } from '@dbsync/replication';
import {
  type Answer,
  isAboutRequest,
  isQueued,
  isUnsent,
  LateAnswerError,
  type OrderRequest,
} from './exchange.ts';
import { type Discovery, isCovering, isReady, type KnownReplica } from './known-replica.ts';
import { ReplicaConnection } from './replica-connection.ts';
import { Turns } from './turns.ts';

const PROBE_EVERY_MS = 1_000;
const MAX_TRIES = 2;
/** What another replica may answer better. */
const WORTH_ANOTHER_TRY = new Set([500, 502, 503, 507]);

/** How the client is put together. */
export interface BalancedClientOptions {
  readonly discovery: Discovery;
  /** A replica further behind the log than this is asked only when no other is left, in milliseconds. */
  readonly maxLagMs: number;
  /** Told of each replica that is passed over, and of each breaker that opens or closes. */
  readonly observer: BalancedClientObserver;
}

/** Who counts and logs. */
export interface BalancedClientObserver {
  passedOver(replica: KnownReplica, reason: string): void;
  breakerChanged(replica: { url: string }, isClosed: boolean): void;
}

/** A request to be balanced. */
export interface BalancedRequest extends OrderRequest {
  /** May be sent a second time although the first may have had its effect. */
  readonly isRepeatable: boolean;
  /** Prefers replicas that take writes. */
  readonly isWrite: boolean;
  /** What the answer must include; those who have it are asked first. The caller sends it along. */
  readonly token?: Token | undefined;
  /** Requests of one key go to one replica while it is there. */
  readonly affinity?: string | undefined;
}

/** An answer and who gave it. */
export interface BalancedAnswer extends Answer {
  readonly replica: KnownReplica;
}

/** A replica as `GET /registry` shows it. */
export interface ReplicaShare extends Omit<KnownReplica, 'vector'> {
  readonly breaker: string;
  readonly isInBalance: boolean;
  /** Part of a full share that it gets at present. */
  readonly weight: number;
  /** Requests it was given since the start. */
  readonly served: number;
}

/** Nobody could be asked; nothing was sent. */
export class NoReplicaError extends Error {
  constructor() {
    super('no order replica can be reached');
    this.name = 'NoReplicaError';
  }
}

/** A replica was asked and did not answer; `cause` says how it ended. */
export class UnansweredError extends Error {
  readonly isLate: boolean;

  constructor(cause: unknown) {
    super('an order replica was asked and did not answer', { cause });
    this.name = 'UnansweredError';
    this.isLate = cause instanceof LateAnswerError;
  }
}

/** See the head of the file. */
export class BalancedClient {
  readonly #options: BalancedClientOptions;
  readonly #connections = new Map<string, ReplicaConnection>();
  readonly #served = new Map<string, number>();
  readonly #turns = new Turns();
  #probing: NodeJS.Timeout | undefined;

  constructor(options: BalancedClientOptions) {
    this.#options = options;
  }

  start(): void {
    this.#options.discovery.start();
    this.#probing = setInterval(() => this.#look(), PROBE_EVERY_MS);
    this.#probing.unref();
  }

  /** Leaves discovery and closes all connections. */
  async stop(): Promise<void> {
    clearInterval(this.#probing);
    await this.#options.discovery.stop();
    await Promise.all([...this.#connections.values()].map((connection) => connection.close()));
  }

  /**
   * Asks; the answer may have any status.
   * @throws NoReplicaError when nothing was sent to anybody, UnansweredError when somebody was asked in vain and
   * nobody else answered; of a write also when the other one refused it.
   */
  async request(request: BalancedRequest): Promise<BalancedAnswer> {
    const asked = new Set<string>();
    let tries = 0;
    let best: BalancedAnswer | undefined;
    let failure: unknown;
    while (tries < MAX_TRIES) {
      const replica = this.#choose(request, asked);
      if (replica === undefined) break;
      asked.add(replica.url);
      try {
        const answer = { ...(await this.#send(replica, request)), replica };
        tries += 1;
        if (!request.isRepeatable || !isWorthAnotherTry(answer)) return answer;
        this.#options.observer.passedOver(replica, `status ${answer.status}`);
        if (best === undefined || gravity(answer, request) >= gravity(best, request)) best = answer;
      } catch (error) {
        this.#options.observer.passedOver(replica, reasonOf(error));
        if (isUnsent(error)) continue;
        tries += 1;
        // Nothing was sent, but the time for it is over.
        if (isQueued(error)) continue;
        failure = error;
        if (!request.isRepeatable) break;
      }
    }
    // Whoever asked for a write must not hear that it was refused, when it may have been done by who gave no answer.
    if (best !== undefined && (failure === undefined || !request.isWrite)) return best;
    throw failure === undefined ? new NoReplicaError() : new UnansweredError(failure);
  }

  /** How replicas are found: `announced`, `fixed` or `dns`. */
  get discovery(): string {
    return this.#options.discovery.kind;
  }

  /** Everybody known, for people and dashboards. */
  shares(): ReplicaShare[] {
    const inBalance = new Set(this.inBalance().map(({ url }) => url));
    return this.known().map(({ vector: _, ...replica }) => ({
      ...replica,
      breaker: this.#connection(replica.url).breaker,
      isInBalance: inBalance.has(replica.url),
      weight: this.#turns.weight(replica.url),
      served: this.#served.get(replica.url) ?? 0,
    }));
  }

  /** Those who take turns now. */
  inBalance(): readonly KnownReplica[] {
    return this.#best(this.known());
  }

  /** Everybody who may come to be asked, in balance or not. */
  known(): readonly KnownReplica[] {
    return this.#options.discovery.replicas();
  }

  /** Of these, the ones to ask rather than the others; nobody whose breaker is open. */
  #best(replicas: readonly KnownReplica[]): readonly KnownReplica[] {
    const reachable = replicas.filter(({ url }) => this.#connection(url).isClosed);
    const staying = narrow(reachable, ({ url }) => !this.#connection(url).isLeaving);
    const ready = narrow(staying, isReady);
    const { maxLagMs } = this.#options;
    const near = narrow(ready, ({ lagMs }) => lagMs === null || lagMs <= maxLagMs);
    // Who cannot say how far it is behind may have lost the log, while others have not.
    return narrow(near, ({ lagMs }) => lagMs !== null);
  }

  #choose(request: BalancedRequest, asked: ReadonlySet<string>): KnownReplica | undefined {
    const inBalance = this.inBalance();
    this.#turns.keep(inBalance.map(({ url }) => url));
    const { affinity, token, isWrite } = request;
    const left = asked.size === 0 ? inBalance : this.#best(this.known().filter(({ url }) => !asked.has(url)));
    const able = isWrite ? narrow(left, ({ isWritable }) => isWritable) : left;
    const covering = token === undefined ? able : narrow(able, (replica) => this.#isCovering(replica, token));
    if (affinity !== undefined) return nearest(covering, affinity);
    const url = this.#turns.take(covering.map((replica) => replica.url));
    // Who is out of balance has no turns.
    return covering.find((replica) => replica.url === url) ?? covering[0];
  }

  #isCovering(replica: KnownReplica, token: Token): boolean {
    const shown = this.#connection(replica.url).shown(replica.origin);
    const open = [...token].filter(([origin, seq]) => (shown.get(origin) ?? 0) < seq);
    return open.length === 0 || isCovering(replica, new Map(open));
  }

  async #send(replica: KnownReplica, request: BalancedRequest): Promise<Answer> {
    this.#served.set(replica.url, (this.#served.get(replica.url) ?? 0) + 1);
    return this.#connection(replica.url).send(request);
  }

  #connection(url: string): ReplicaConnection {
    let connection = this.#connections.get(url);
    if (connection === undefined) {
      const onChange = (isClosed: boolean): void => this.#options.observer.breakerChanged({ url }, isClosed);
      connection = new ReplicaConnection(url, { onChange });
      this.#connections.set(url, connection);
    }
    return connection;
  }

  /** Once a second: who left, who may be back, and who takes turns, asked or not. */
  #look(): void {
    this.#turns.keep(this.inBalance().map(({ url }) => url));
    const known = new Set(this.known().map(({ url }) => url));
    for (const [url, connection] of this.#connections) {
      if (known.has(url)) {
        if (!connection.isClosed || connection.isLeaving) void connection.probe();
        continue;
      }
      // Whoever comes back gets new connections and a clean slate.
      this.#connections.delete(url);
      this.#served.delete(url);
      void connection.retire();
    }
  }
}

function isWorthAnotherTry({ status, body }: Answer): boolean {
  return WORTH_ANOTHER_TRY.has(status) && Buffer.isBuffer(body);
}

/**
 * How much a caller must know of an answer, when two replicas answered and neither did what was asked. Why the request
 * cannot be done comes before a replica that takes no traffic at all, which is no cause but a circumstance. A fault is
 * the last thing to tell of a read, and the first of a write: it may have had its effect.
 */
function gravity(answer: Answer, { isWrite }: BalancedRequest): number {
  if (answer.status === 500 || answer.status === 502) return isWrite ? 3 : 0;
  return isAboutRequest(answer) ? 2 : 1;
}

/** Those that pass, or all of them when none does. */
function narrow(
  replicas: readonly KnownReplica[],
  only: (replica: KnownReplica) => boolean,
): readonly KnownReplica[] {
  const passing = replicas.filter(only);
  return passing.length > 0 ? passing : replicas;
}

/** Rendezvous hashing: of all replicas the one with the highest hash, so one that goes moves only its own keys. */
function nearest(replicas: readonly KnownReplica[], key: string): KnownReplica | undefined {
  const ranked = replicas.map((replica) => {
    const rank = createHash('sha256').update(`${replica.replicaId}\0${key}`).digest('hex');
    return { replica, rank };
  });
  return ranked.sort((a, b) => (a.rank < b.rank ? 1 : -1))[0]?.replica;
}

/** undici hides what happened in the cause or the code of its errors. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
  return `${code}${error.message}`;
}
