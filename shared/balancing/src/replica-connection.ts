/**
 * The way to one replica: its connections, its circuit breaker, and what its answers have shown that it holds.
 *
 * closed (asked in turn) -> five failures in a row -> open (not asked; probed once a second) -> the probe is
 * answered -> closed. Probes and not clients find out whether a replica is back, so no request is spent on one
 * that hangs. A failure is a connection that broke, an answer that did not come in time or that no replica would
 * give, 500 (an outcome that is unknown included: a replica that says so ends), 502, and a 503 that is about the
 * replica. A refusal of one request is none: writes that are refused while the log is away must not cost the reads,
 * which are answered all the while.
 */
import type { Token } from '@dbsync/replication';
import {
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel';
import { Pool } from 'undici';
import {
  type Answer,
  exchange,
  isAboutRequest,
  isQueued,
  type OrderRequest,
  UnusableAnswerError,
} from './exchange.ts';

const FAILURES_TO_OPEN = 5;
const PROBE_ANSWER_MS = 1_000;
const CONNECT_MS = 1_000;
/** Open connections to one replica; more requests than that wait for one, within their time. */
const MAX_CONNECTIONS = 256;
const IDLE_MS = 10_000;
/** Origins of which an answer's token tells; the latest ones are kept. */
const MAX_SHOWN_ORIGINS = 64;

/** Connections to one address. */
export class ReplicaConnection {
  readonly url: string;
  readonly #pool: Pool;
  readonly #breaker: CircuitBreakerPolicy;
  readonly #shown = new Map<string, number>();
  #shownBy: string | null = null;
  #isLeaving = false;

  constructor(url: string, options: { onChange: (isClosed: boolean) => void }) {
    this.url = url;
    this.#pool = new Pool(url, {
      connections: MAX_CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: IDLE_MS,
      connect: { timeout: CONNECT_MS },
      // Time is kept a request, below; these only end what nobody reads any more.
      headersTimeout: 0,
      bodyTimeout: 60_000,
    });
    this.#breaker = circuitBreaker(handleWhen(isFailing).orWhenResult(isFailure), {
      breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
      // Half open whenever a probe asks: when to probe is decided by a clock that no administrator can set back.
      halfOpenAfter: Number.NEGATIVE_INFINITY,
    });
    this.#breaker.onBreak(() => options.onChange(false));
    this.#breaker.onReset(() => options.onChange(true));
  }

  /** True while requests may be sent. */
  get isClosed(): boolean {
    return this.#breaker.state === CircuitState.Closed;
  }

  /**
   * True since an answer closed its connection: the replica stops, and a request on its way when the last idle
   * connections are closed would be lost. Until a probe is answered otherwise.
   */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** `closed`, `open` or `half-open`. */
  get breaker(): string {
    if (this.isClosed) return 'closed';
    return this.#breaker.state === CircuitState.HalfOpen ? 'half-open' : 'open';
  }

  /** Sends a request and reads the answer. @throws what broke; see `isUnsent`. */
  async send(request: OrderRequest): Promise<Answer> {
    const answer = await this.#breaker.execute(() => exchange(this.#pool, request));
    // After HEAD undici closes the connection, and a replica says as much.
    if (request.method !== 'HEAD' && isLast(answer)) this.#isLeaving = true;
    this.#learn(answer);
    return answer;
  }

  /** Looks whether a replica that is not asked at present is ready again. Never fails. */
  async probe(): Promise<void> {
    const request: OrderRequest = { method: 'GET', path: '/readyz', timeLimitMs: PROBE_ANSWER_MS };
    const answer = await this.#breaker.execute(() => exchange(this.#pool, request)).catch(() => undefined);
    if (answer !== undefined) this.#isLeaving = isLast(answer);
  }

  /** What answers have shown that the run `origin` holds; fresher than what is announced. */
  shown(origin: string | null): Token {
    if (this.#shownBy !== origin) {
      // Another run: its disk may be another one, too.
      this.#shown.clear();
      this.#shownBy = origin;
    }
    return this.#shown;
  }

  /** Closes what is idle, and the rest when it was answered, which is bounded: it may still be well. */
  async retire(): Promise<void> {
    await this.#pool.close();
  }

  /** Closes at once what is idle and cuts what is not. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  #learn(answer: Answer): void {
    if (answer.token === undefined || answer.status >= 300) return;
    for (const [origin, seq] of answer.token) {
      if (seq > (this.#shown.get(origin) ?? 0)) this.#shown.set(origin, seq);
    }
    for (const origin of this.#shown.keys()) {
      if (this.#shown.size <= MAX_SHOWN_ORIGINS) break;
      this.#shown.delete(origin);
    }
  }
}

/** A replica failed that gave no answer, or one that no replica would give; a refusal of the request is none. */
function isFailing(error: unknown): boolean {
  if (isQueued(error)) return false;
  if (!(error instanceof UnusableAnswerError)) return true;
  return isFailure(error.answer) || !isAboutRequest(error.answer);
}

/** True for the last answer on a connection that its replica closes. */
function isLast({ headers }: Answer): boolean {
  return String(headers.connection).toLowerCase() === 'close';
}

function isFailure(result: unknown): boolean {
  const answer = result as Answer;
  if (answer.status !== 503) return answer.status === 500 || answer.status === 502;
  return !isAboutRequest(answer);
}
