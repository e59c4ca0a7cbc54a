/**
 * One request to one replica and its answer, with a limit in time.
 *
 * The answer to a read is held until it is whole, as long as it is small: a replica that dies in the middle of it
 * then costs a second try and not a broken answer. A larger one is handed on as it comes.
 */
import { Readable } from 'node:stream';
import { isReplicationError, parseToken, type Token } from '@dbsync/replication';
import { PROBLEM_MEDIA_TYPE } from '@dbsync/service-kit';
import type { Dispatcher, Pool } from 'undici';

/** Bytes of an answer that is held; a page of 500 orders fits, unless their notes are long. */
const MAX_HELD_BYTES = 256 * 1024;
/** What the types of our problems begin with. */
const KINDS = '/problems/';
/** Kinds of 503 with which a service says that it takes no traffic; every other kind is about the request. */
const TAKES_NO_TRAFFIC: ReadonlySet<string> = new Set(['not-ready', 'stopped', 'database-damaged']);

/** A request as the client gives it. */
export interface OrderRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: Buffer | undefined;
  /** Longest wait for the answer (for its beginning where it is not held), in milliseconds. */
  readonly timeLimitMs: number;
  /** Why an answer cannot be used, if so: then it counts as none. */
  readonly refuse?: (answer: Answer) => string | undefined;
}

/** An answer; `body` is whole, or a stream that must be read or destroyed. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer | Readable;
  /** The answer's consistency token. */
  readonly token: Token | undefined;
}

/** Sends it. @throws what broke. */
export async function exchange(pool: Pool, request: OrderRequest): Promise<Answer> {
  const { method, path, headers, body, refuse } = request;
  const answer = await new Promise<Answer>((resolve, reject) => {
    const handler = new AnswerHandler({ timeLimitMs: request.timeLimitMs, resolve, reject });
    pool.dispatch({ method, path, headers: headers ?? {}, body: body ?? null }, handler);
  });
  const reason = refuse?.(answer);
  if (reason === undefined) return answer;
  discard(answer.body);
  throw new UnusableAnswerError(reason, answer);
}

/**
 * Takes an answer as undici reads it, without the streams and signals of its `request`, which cost more than all the
 * rest of an exchange.
 *
 * waiting -> the beginning has come -> whole: answered; too large: answered with a stream, which goes on by itself
 *         -> it broke or is late: refused, or the stream breaks off
 */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #settle: { resolve: (answer: Answer) => void; reject: (error: unknown) => void };
  readonly #timer: NodeJS.Timeout;
  #late: LateAnswerError | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: Answer['headers'] = {};
  #chunks: Buffer[] = [];
  #bytes = 0;
  #stream: Readable | undefined;

  constructor(options: {
    timeLimitMs: number;
    resolve: (answer: Answer) => void;
    reject: (error: unknown) => void;
  }) {
    this.#settle = options;
    this.#timer = setTimeout(() => this.#expire(options.timeLimitMs), options.timeLimitMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It waited for a connection for too long, and was given up.
    if (this.#late !== undefined) controller.abort(this.#late);
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Answer['headers']): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (Number(headers['content-length'] ?? 0) > MAX_HELD_BYTES) this.#handOn();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream !== undefined) {
      if (!this.#stream.push(chunk)) controller.pause();
      return;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > MAX_HELD_BYTES) this.#handOn();
  }

  onResponseEnd(): void {
    if (this.#stream !== undefined) {
      this.#stream.push(null);
      return;
    }
    const [first, ...others] = this.#chunks;
    const body = first !== undefined && others.length === 0 ? first : Buffer.concat(this.#chunks);
    this.#answer(body);
  }

  onResponseError(_: unknown, error: Error): void {
    clearTimeout(this.#timer);
    if (this.#stream === undefined) this.#settle.reject(error);
    else this.#stream.destroy(error);
  }

  #expire(timeLimitMs: number): void {
    this.#late = new LateAnswerError(timeLimitMs, { isQueued: this.#controller === undefined });
    this.#settle.reject(this.#late);
    this.#controller?.abort(this.#late);
  }

  /** From here on the body is the reader's business, who may take it slowly or let go of it. */
  #handOn(): void {
    const controller = this.#controller;
    this.#stream = new Readable({
      read: () => controller?.resume(),
      destroy: (error, done) => {
        controller?.abort(error ?? new Error('nobody reads the answer'));
        done(error);
      },
    });
    for (const chunk of this.#chunks) this.#stream.push(chunk);
    this.#chunks = [];
    this.#answer(this.#stream);
  }

  #answer(body: Answer['body']): void {
    clearTimeout(this.#timer);
    const headers = this.#headers;
    const token = tokenOf(headers['consistency-token']);
    this.#settle.resolve({ status: this.#status, headers, body, token });
  }
}

/** Lets go of an answer that nobody will read. */
function discard(body: Answer['body']): void {
  // undici tells the end of a body that was cut off as an error, which nobody else would hear.
  if (!Buffer.isBuffer(body)) body.on('error', () => undefined).destroy();
}

/** No answer in time: what became of the request is not known. */
export class LateAnswerError extends Error {
  /** True when it waited for a free connection all the time: nothing was sent. */
  readonly isQueued: boolean;

  constructor(timeLimitMs: number, { isQueued }: { isQueued: boolean }) {
    super(isQueued ? `no free connection within ${timeLimitMs} ms` : `no answer within ${timeLimitMs} ms`);
    this.name = 'LateAnswerError';
    this.isQueued = isQueued;
  }
}

/** True for a request that found no free connection in time: that says nothing about the replica. */
export function isQueued(error: unknown): boolean {
  return error instanceof LateAnswerError && error.isQueued;
}

/** Somebody answered, and the caller cannot use it. */
export class UnusableAnswerError extends Error {
  readonly answer: Answer;

  constructor(reason: string, answer: Answer) {
    super(reason);
    this.name = 'UnusableAnswerError';
    this.answer = answer;
  }
}

const UNSENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);
/** They may also end a connection on which something was sent. */
const UNSENT_IN_CONNECT = new Set(['EHOSTUNREACH', 'ENETUNREACH']);

/** True for failures before anything was sent: there never was a connection. */
export function isUnsent(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isUnsent);
  const { code = '', syscall } = error instanceof Error ? (error as NodeJS.ErrnoException) : {};
  return UNSENT.has(code) || (UNSENT_IN_CONNECT.has(code) && syscall === 'connect');
}

/**
 * The kind of problem of ours that an answer tells, such as `not-ready`; empty where an answer to HEAD hides it,
 * undefined for answers of anybody else and for those that say no more than their status.
 */
function problemKind({ headers, body }: Pick<Answer, 'headers' | 'body'>): string | undefined {
  if (!Buffer.isBuffer(body)) return undefined;
  if (body.length === 0) return headers['content-type'] === PROBLEM_MEDIA_TYPE ? '' : undefined;
  try {
    const { type } = JSON.parse(body.toString()) as { type?: unknown };
    return typeof type === 'string' && type.startsWith(KINDS) ? type.slice(KINDS.length) : undefined;
  } catch {
    // No document at all: whoever wrote it is none of ours.
    return undefined;
  }
}

/**
 * True for a refusal that is about this one request: a problem of ours, of any kind but those with which a service
 * says that it takes no traffic. Another service that passes it on is no less well than the one that said it.
 */
export function isAboutRequest(answer: Pick<Answer, 'headers' | 'body'>): boolean {
  const kind = problemKind(answer);
  return kind !== undefined && !TAKES_NO_TRAFFIC.has(kind);
}

function tokenOf(header: string | string[] | undefined): Token | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  try {
    return parseToken(header);
  } catch (error) {
    if (isReplicationError(error)) return undefined;
    throw error;
  }
}
