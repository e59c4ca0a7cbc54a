/**
 * A whole gateway on a free port, with fake services behind it, for tests that talk to it over HTTP.
 *
 * Everything started here is stopped by `stopEverything`, which test files call after each test.
 */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KnownReplica } from '@dbsync/balancing';
import { createLogger } from '@dbsync/service-kit';
import { type Gateway, startGateway } from '../src/app.ts';
import type { GatewayConfig } from '../src/config.ts';

export interface FakeService {
  readonly name: string;
  url: string;
  readonly requests: { method: string; path: string; headers: http.IncomingHttpHeaders; body: string }[];
  answer: (req: http.IncomingMessage, res: http.ServerResponse) => void;
  close(): Promise<void>;
}

export interface RunningGateway {
  readonly url: string;
  readonly gateway: Gateway;
  /** `order-1`, `order-2`, …: what they are known by may be changed. */
  readonly replicas: (FakeService & { known: KnownReplica })[];
  readonly users: FakeService;
}

const servers: http.Server[] = [];
const gateways: Gateway[] = [];

export async function startWith(
  options: { replicas?: number } & Partial<GatewayConfig> = {},
): Promise<RunningGateway> {
  const { replicas: count = 2, ...changes } = options;
  const replicas: RunningGateway['replicas'] = [];
  for (let n = 1; n <= count; n += 1) {
    const fake = await startFake(`order-${n}`);
    const known: KnownReplica = {
      replicaId: fake.name,
      url: fake.url,
      state: 'live',
      origin: runOf(n),
      lagMs: 0,
      isWritable: true,
      vector: new Map(),
    };
    replicas.push(Object.assign(fake, { known }));
  }
  const users = await startFake('user-service');
  const gateway = await startGateway(
    {
      host: '127.0.0.1',
      port: 0,
      logLevel: 'silent',
      userServiceUrl: users.url,
      orderReplicas: { kind: 'fixed', urls: [] },
      maxLagMs: 10_000,
      readTimeoutMs: 5_000,
      writeTimeoutMs: 5_000,
      maxRequests: 1_000,
      hasSessionCookie: true,
      ...changes,
    },
    {
      logger: createLogger({ name: 'gateway', level: 'silent' }),
      discovery: {
        kind: 'fake',
        start: () => undefined,
        stop: async () => undefined,
        replicas: () => replicas.map(({ known }) => known),
      },
    },
  );
  gateways.push(gateway);
  return { url: gateway.url, gateway, replicas, users };
}

/** The living run of `order-<n>`. */
export function runOf(n: number): string {
  return `order-${n}.01J0000000000000000000000${n}`;
}

export async function stopEverything(): Promise<void> {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()));
  for (const server of servers.splice(0)) await closeServer(server);
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

async function startFake(name: string): Promise<FakeService> {
  const server = http.createServer(async (req, res) => {
    let body = '';
    try {
      for await (const chunk of req) body += String(chunk);
    } catch {
      return;
    }
    fake.requests.push({ method: req.method ?? '', path: req.url ?? '', headers: req.headers, body });
    res.setHeader('X-Served-By', name);
    fake.answer(req, res);
  });
  const fake: FakeService = {
    name,
    url: '',
    requests: [],
    answer: (_req, res) => sendJson(res, 200, []),
    close: () => closeServer(server),
  };
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return fake;
}

async function closeServer(server: http.Server): Promise<void> {
  server.closeAllConnections();
  if (server.listening) await new Promise((resolve) => server.close(resolve));
}
