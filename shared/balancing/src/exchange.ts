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

/** Bytes of an answer that is held; a page of 500 orders fits. */
const MAX_HELD_BYTES = 256 * 1024;
/** What the types of our problems begin with. */
const KINDS = '/problems/';

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
  const { method, path, headers, body, timeLimitMs } = request;
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new LateAnswerError(timeLimitMs)), timeLimitMs);
  try {
    const response = await pool.request({
      method: method as Dispatcher.HttpMethod,
      path,
      headers: headers ?? {},
      body: body ?? null,
      signal: controller.signal,
    });
    const answer: Answer = {
      status: response.statusCode,
      headers: response.headers,
      body: await hold(response.body, response.headers['content-length']),
      token: tokenOf(response.headers['consistency-token']),
    };
    const reason = request.refuse?.(answer);
    if (reason === undefined) return answer;
    discard(answer.body);
    throw new UnusableAnswerError(reason);
  } finally {
    clearTimeout(timer);
  }
}

/** The whole body, or a stream where it turns out to be large. */
async function hold(body: Readable, length: unknown): Promise<Buffer | Readable> {
  if (Number(length ?? 0) > MAX_HELD_BYTES) return body;
  const chunks: Buffer[] = [];
  let bytes = 0;
  const reader: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await reader.next();
    if (done) return Buffer.concat(chunks, bytes);
    chunks.push(value);
    bytes += value.length;
    if (bytes > MAX_HELD_BYTES) return Readable.from(continued(chunks, reader), { objectMode: false });
  }
}

async function* continued(chunks: readonly Buffer[], reader: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
    yield* { [Symbol.asyncIterator]: () => reader };
  } finally {
    // Whoever stops early lets go of the connection, too.
    await reader.return?.();
  }
}

/** Lets go of an answer that nobody will read. */
function discard(body: Answer['body']): void {
  // undici tells the end of a body that was cut off as an error, which nobody else would hear.
  if (!Buffer.isBuffer(body)) body.on('error', () => undefined).destroy();
}

/** No answer in time: what became of the request is not known. */
export class LateAnswerError extends Error {
  constructor(timeLimitMs: number) {
    super(`no answer within ${timeLimitMs} ms`);
    this.name = 'LateAnswerError';
  }
}

/** Somebody answered, but not as a replica would. */
class UnusableAnswerError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'UnusableAnswerError';
  }
}

const UNSENT = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** True for failures before anything was sent: there never was a connection. */
export function isUnsent(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isUnsent);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && UNSENT.has(code);
}

/**
 * The kind of problem of ours that an answer tells, such as `not-ready`; empty where an answer to HEAD hides it,
 * undefined for answers of anybody else and for those that say no more than their status.
 */
export function problemKind({ headers, body }: Pick<Answer, 'headers' | 'body'>): string | undefined {
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

function tokenOf(header: string | string[] | undefined): Token | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  try {
    return parseToken(header);
  } catch (error) {
    if (isReplicationError(error)) return undefined;
    throw error;
  }
}
