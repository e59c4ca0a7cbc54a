/**
 * A small real HTTP server in the place of a replica: answers as the test says and remembers what it was asked.
 * All are closed by `closeFakes`.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Discovery, KnownReplica } from '../src/known-replica.ts';

export interface FakeReplica {
  readonly replicaId: string;
  url: string;
  /** Method, path and body of everything it was asked. */
  readonly requests: { method: string; path: string; headers: http.IncomingHttpHeaders; body: string }[];
  answer: (req: http.IncomingMessage, res: http.ServerResponse) => void;
  close(): Promise<void>;
}

const servers: http.Server[] = [];

export async function startFake(replicaId: string): Promise<FakeReplica> {
  const server = http.createServer(async (req, res) => {
    let body = '';
    try {
      for await (const chunk of req) body += String(chunk);
    } catch {
      return;
    }
    fake.requests.push({ method: req.method ?? '', path: req.url ?? '', headers: req.headers, body });
    res.setHeader('X-Served-By', replicaId);
    fake.answer(req, res);
  });
  const fake: FakeReplica = {
    replicaId,
    url: '',
    requests: [],
    answer: (_req, res) => sendJson(res, 200, []),
    close: async () => {
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;
}

export async function closeFakes(): Promise<void> {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }
}

export function sendJson(
  res: http.ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body);
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': text.length, ...headers });
  res.end(text);
}

/** A replica as it would be known. */
export function known(
  of: { replicaId: string; url: string },
  change: Partial<KnownReplica> = {},
): KnownReplica {
  const { replicaId, url } = of;
  return {
    replicaId,
    url,
    state: 'live',
    origin: null,
    lagMs: 0,
    isWritable: true,
    vector: new Map(),
    ...change,
  };
}

/** A discovery of exactly these. */
export function discoveryOf(replicas: () => readonly KnownReplica[]): Discovery {
  return { kind: 'fake', start: () => undefined, stop: async () => undefined, replicas };
}
