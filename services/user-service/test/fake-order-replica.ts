/**
 * A small real HTTP server in the place of an order replica: answers as the test says and remembers what it was
 * asked. All are closed by `closeFakes`, which test files call after each test.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KnownReplica } from '@dbsync/balancing';

export interface FakeOrderReplica {
  replicaId: string;
  url: string;
  requests: { path: string; token: string | undefined }[];
  /** How it answers from now on. */
  answer: (req: http.IncomingMessage, res: http.ServerResponse) => void;
  /** Stops listening, so that connections are refused. */
  close(): Promise<void>;
}

/** A replica as its announcement would make it known. */
export function knownReplica(of: { replicaId: string; url: string }): KnownReplica {
  return { ...of, state: 'live', origin: null, lagMs: 0, isWritable: true, vector: new Map() };
}

const servers: http.Server[] = [];

export async function startFakeReplica(replicaId: string): Promise<FakeOrderReplica> {
  const server = http.createServer((req, res) => {
    // Nobody tells anything of itself here: discovery asks, and orders are asked for all the same.
    if (req.url === '/replication/status') return sendJson(res, 404, {});
    const header = req.headers['consistency-token'];
    fake.requests.push({ path: req.url ?? '', token: Array.isArray(header) ? header.join() : header });
    res.setHeader('X-Served-By', replicaId);
    fake.answer(req, res);
  });
  const fake: FakeOrderReplica = {
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
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  res.writeHead(status, { 'Content-Type': type, ...headers }).end(JSON.stringify(body));
}

export function orderOf(userId: string, orderId = 'o-1') {
  return {
    orderId,
    userId,
    productId: 'p-1',
    quantity: 2,
    unitPrice: 50,
    totalPrice: 100,
    createdAt: '2026-11-23T10:00:00.000Z',
  };
}
