/**
 * Which headers pass the gateway, in both directions.
 *
 * Hop-by-hop headers belong to one connection and stop here, those that `Connection` names included. What a
 * client could use to pass for somebody else is dropped and said anew from what the gateway knows itself.
 */
import { randomUUID } from 'node:crypto';
import { Problem } from '@dbsync/service-kit';
import type { Request, RequestHandler } from 'express';

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);
/** Said by the gateway, whatever the client says. */
const OURS = new Set([
  'host',
  'content-length',
  'expect',
  'cookie',
  'consistency-token',
  'forwarded',
  'via',
  'x-real-ip',
  'x-request-id',
  'x-served-by',
  'x-orders-served-by',
  'x-original-url',
  'x-rewrite-url',
  'x-http-method-override',
  'true-client-ip',
  'client-ip',
]);
/** What a request means hangs on these: without one of them it would be another request. */
const MEANT_FOR_THE_END = ['consistency-token', 'idempotency-key', 'write-concern'];
/** Said by the gateway's own answer. */
const NOT_ANSWERED = new Set(['consistency-token', 'x-request-id', 'set-cookie', 'date']);

/** Gives a request its id, whatever the client says: for the service, the client, and the log line of a fault. */
export const nameRequest: RequestHandler = (req, res, next) => {
  const requestId = randomUUID();
  req.headers['x-request-id'] = requestId;
  res.set('X-Request-Id', requestId);
  next();
};

/**
 * The headers to send on, without cookie and token, which are the sessions' business.
 * @throws Problem 400 where `Connection` would have one left out that decides what is asked for.
 */
export function requestHeaders(req: Request): Record<string, string | string[]> {
  const named = namedByConnection(req.headers.connection);
  const taken = MEANT_FOR_THE_END.find((name) => named.has(name));
  if (taken !== undefined) {
    throw new Problem({
      status: 400,
      detail: `Connection must not name ${taken}, which is for the service. Nothing was sent to it.`,
    });
  }
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(req.headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || OURS.has(name) || named.has(name)) continue;
    if (name.startsWith('x-forwarded-')) continue;
    headers[name] = value;
  }
  const requestId = req.headers['x-request-id'];
  if (requestId !== undefined) headers['x-request-id'] = requestId;
  headers['x-forwarded-for'] = req.socket.remoteAddress ?? 'unknown';
  headers['x-forwarded-proto'] = 'http';
  if (req.headers.host !== undefined) headers['x-forwarded-host'] = req.headers.host;
  return headers;
}

/** The headers of a service's answer that the client gets. */
export function answerHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): [string, string | string[]][] {
  const connection = headers.connection;
  const named = namedByConnection(Array.isArray(connection) ? connection.join() : connection);
  return Object.entries(headers).filter(
    (entry): entry is [string, string | string[]] =>
      entry[1] !== undefined &&
      !HOP_BY_HOP.has(entry[0]) &&
      !NOT_ANSWERED.has(entry[0]) &&
      !named.has(entry[0]),
  );
}

function namedByConnection(header: string | undefined): ReadonlySet<string> {
  if (header === undefined) return new Set();
  return new Set(header.split(',').map((name) => name.trim().toLowerCase()));
}
