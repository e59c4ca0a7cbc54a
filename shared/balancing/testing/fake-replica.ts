/**
 * A small real HTTP server in the place of a replica: answers as the test says and remembers what it was asked.
 * All are closed by `closeFakes`, which test files call after each test.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** One such server. */
export interface FakeReplica {
  readonly replicaId: string;
  readonly url: string;
  /** Everything it was asked, in order. */
  readonly requests: { method: string; path: string; headers: http.IncomingHttpHeaders; body: string }[];
  /** How it answers from now on. */
  answer: (req: http.IncomingMessage, res: http.ServerResponse) => void;
  /** Stops listening, so that connections are refused. */
  close(): Promise<void>;
}

const fakes: FakeReplica[] = [];

/** Where a fake listens and what it does not know. */
export interface FakePlace {
  /** A path that is answered with 404 and not remembered. */
  readonly unknownPath?: string;
  /** Default: 127.0.0.1. */
  readonly host?: string;
  /** Default: a free one. */
  readonly port?: number;
}

/** Starts one. */
export async function startFakeReplica(replicaId: string, place: FakePlace = {}): Promise<FakeReplica> {
  const { unknownPath, host = '127.0.0.1', port = 0 } = place;
  const server = http.createServer(async (req, res) => {
    let body = '';
    try {
      for await (const chunk of req) body += String(chunk);
    } catch {
      return;
    }
    if (req.url === unknownPath) return sendJson(res, 404, {});
    fake.requests.push({ method: req.method ?? '', path: req.url ?? '', headers: req.headers, body });
    res.setHeader('X-Served-By', replicaId);
    fake.answer(req, res);
  });
  server.listen(port, host);
  await once(server, 'listening');
  const fake: FakeReplica = {
    replicaId,
    url: `http://${host}:${(server.address() as AddressInfo).port}`,
    requests: [],
    answer: (_req, res) => sendJson(res, 200, []),
    close: async () => {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
  fakes.push(fake);
  return fake;
}

/** Closes all that were started. */
export async function closeFakes(): Promise<void> {
  for (const fake of fakes.splice(0)) await fake.close();
}

/** Answers with JSON; from 400 on it is a problem, as a real replica's would be. */
export function sendJson(
  res: http.ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body);
  res.writeHead(status, {
    'Content-Type': status < 400 ? 'application/json' : 'application/problem+json',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  res.end(text);
}
