/**
 * Which headers pass the gateway, in both directions.
 *
 * Hop-by-hop headers belong to one connection and stop here, those that `Connection` names included. What a
 * client could use to pass for somebody else is dropped and said anew from what the gateway knows itself.
 */
import type { Request } from 'express';

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
/** Said by the gateway's own answer. */
const NOT_ANSWERED = new Set(['consistency-token', 'x-request-id', 'set-cookie', 'date']);

/** The headers to send on, without cookie and token, which are the sessions' business. */
export function requestHeaders(req: Request, requestId: string): Record<string, string | string[]> {
  const named = namedByConnection(req.headers.connection);
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(req.headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || OURS.has(name) || named.has(name)) continue;
    if (name.startsWith('x-forwarded-')) continue;
    headers[name] = value;
  }
  headers['x-request-id'] = requestId;
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
