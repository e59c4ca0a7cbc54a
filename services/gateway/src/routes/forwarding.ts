/**
 * What the gateway is for: a request comes in, a service is asked, its answer goes out.
 *
 *   limits -> headers, session, body -> balanced client -> headers, session, body
 *
 * `/order-service/**` goes to one of the replicas as it is, `/user-service/**` to the user-service without the
 * prefix. Other addresses of a service, its operators' ones above all, cannot be reached from here.
 */
import { pipeline } from 'node:stream/promises';
import { type BalancedAnswer, type BalancedClient, UnansweredError } from '@dbsync/balancing';
import { joinToken } from '@dbsync/replication';
import { Problem } from '@dbsync/service-kit';
import type { Express, Request, RequestHandler, Response } from 'express';
import { answerHeaders, requestHeaders } from '../headers.ts';
import { readBody } from '../request-body.ts';
import type { Sessions } from '../sessions.ts';
import { unanswered } from './problems.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];
const OPERATION = /^\/+(?:livez|readyz|metrics)(?:[/?#]|$)/i;

/** Bounds of the gateway. */
export interface ForwardingLimits {
  /** Requests under way at once. */
  readonly maxRequests: number;
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** How long a replica waits for the writes of a token. */
  readonly tokenWaitMs: number;
  /** Longest time in which a client may fetch its answer. */
  readonly streamTimeoutMs: number;
}

interface Surroundings {
  readonly orders: BalancedClient;
  readonly users: BalancedClient;
  readonly sessions: Sessions;
  readonly limits: ForwardingLimits;
}

/** Adds both routes to the app. */
export function forwardingRoutes(app: Express, surroundings: Surroundings): void {
  const { orders, users, limits } = surroundings;
  const admit = atMost(limits.maxRequests);
  app.all('/order-service/*path', admit, (req, res) =>
    forward(req, res, {
      client: orders,
      path: req.originalUrl,
      readTimeoutMs: limits.readTimeoutMs,
      surroundings,
    }),
  );
  app.all('/user-service/*path', admit, (req, res) =>
    forward(req, res, {
      client: users,
      path: userServicePath(req.originalUrl),
      // It reads orders itself, with limits of its own.
      readTimeoutMs: limits.writeTimeoutMs,
      surroundings,
    }),
  );
}

/** The original's gateway strips the prefix; what is behind it for operators stays behind it. */
function userServicePath(url: string): string {
  const path = url.slice('/user-service'.length);
  if (OPERATION.test(path)) throw new Problem({ status: 404, detail: 'There is nothing at this address.' });
  return path;
}

async function forward(
  req: Request,
  res: Response,
  to: { client: BalancedClient; path: string; readTimeoutMs: number; surroundings: Surroundings },
): Promise<void> {
  assertForwardable(req);
  const { sessions, limits } = to.surroundings;
  const session = sessions.open(req);
  const body = await readBody(req);
  // Asked of the replicas as they are when one is chosen: a body may take its time.
  const needed = sessions.needs(session);
  const isSafe = SAFE_METHODS.includes(req.method);
  // A read has no use for one: it goes in turns, to a replica that covers its token.
  const key = isSafe ? undefined : idempotencyKey(req);
  const isRepeatable = isSafe || key !== undefined;
  const headers = requestHeaders(req);
  if (needed.size > 0) headers['consistency-token'] = joinToken(needed);
  try {
    const answer = await to.client.request({
      method: req.method,
      path: to.path,
      headers,
      body,
      timeLimitMs: isSafe
        ? to.readTimeoutMs + (needed.size > 0 ? limits.tokenWaitMs : 0)
        : limits.writeTimeoutMs,
      isRepeatable,
      isWrite: !isSafe,
      // A write without a key looks for nothing that was there before.
      token: isSafe || key !== undefined ? needed : undefined,
      affinity: key === undefined ? undefined : `${to.path}\0${key}`,
    });
    if (answer.status === 410) sessions.replace(res, session, { needed, left: answer.token });
    else sessions.keep(res, session, answer.token);
    await send(res, answer, limits);
  } catch (error) {
    if (error instanceof UnansweredError) throw unanswered(error, { isRepeatable });
    throw error;
  }
}

function assertForwardable({ method, originalUrl }: Request): void {
  if (!METHODS.includes(method)) {
    throw new Problem({
      status: 405,
      detail: `${method} is not possible here.`,
      headers: { Allow: METHODS.join(', ') },
    });
  }
  // A whole URL in the request line is for proxies, and we are none.
  if (!originalUrl.startsWith('/')) {
    throw new Problem({ status: 400, detail: 'The address of the request must begin with "/".' });
  }
}

/** Node joins two into one, and a comma is part of a key. */
function idempotencyKey(req: Request): string | undefined {
  const [key, ...others] = req.headersDistinct['idempotency-key'] ?? [];
  if (others.length === 0) return key;
  throw new Problem({ status: 400, detail: 'Idempotency-Key must be given once. Nothing was stored.' });
}

async function send(
  res: Response,
  answer: BalancedAnswer,
  { streamTimeoutMs }: ForwardingLimits,
): Promise<void> {
  for (const [name, value] of answerHeaders(answer.headers)) res.setHeader(name, value);
  res.status(answer.status);
  if (Buffer.isBuffer(answer.body)) {
    res.end(answer.body);
    cutOffAfter(res, streamTimeoutMs);
    return;
  }
  try {
    await pipeline(answer.body, res, { signal: AbortSignal.timeout(streamTimeoutMs) });
  } catch {
    // The service broke off, or the client did, or time is up: the answer has begun, so cutting it off is all that can be said.
    res.destroy();
  }
}

/** Cuts off a client that does not fetch its answer. Most answers are with the kernel by now. */
function cutOffAfter(res: Response, timeoutMs: number): void {
  if (!res.socket || res.socket.writableLength === 0) return;
  const timer = setTimeout(() => res.destroy(), timeoutMs);
  res.once('close', () => clearTimeout(timer));
}

/** Lets so many requests in at once; the rest is told to come again. */
function atMost(count: number): RequestHandler {
  let inside = 0;
  return (_req, res, next) => {
    if (inside >= count) {
      throw new Problem({
        status: 503,
        type: '/problems/overloaded',
        title: 'Overloaded',
        detail: `${count} requests are under way already; try again.`,
        headers: { 'Retry-After': '1' },
      });
    }
    inside += 1;
    res.once('close', () => {
      inside -= 1;
    });
    next();
  };
}
