/**
 * A whole gateway on a free port, with fake services behind it, for tests that talk to it over HTTP.
 *
 * Everything started here is stopped by `stopEverything`, which test files call after each test.
 */
import http from 'node:http';
import type { KnownReplica } from '@dbsync/balancing';
import {
  closeFakes,
  discoveryOf,
  type FakeReplica,
  knownReplica,
  startFakeReplica,
} from '@dbsync/balancing/testing';
import { createLogger } from '@dbsync/service-kit';
import { type Gateway, startGateway } from '../src/app.ts';
import type { GatewayConfig } from '../src/config.ts';

export interface RunningGateway {
  readonly url: string;
  readonly gateway: Gateway;
  /** `order-1`, `order-2`, …: what they are known by may be changed. */
  readonly replicas: (FakeReplica & { known: KnownReplica })[];
  readonly users: FakeReplica;
}

const gateways: Gateway[] = [];

export async function startWith(
  options: { replicas?: number } & Partial<GatewayConfig> = {},
): Promise<RunningGateway> {
  const { replicas: count = 2, ...changes } = options;
  const replicas: RunningGateway['replicas'] = [];
  for (let n = 1; n <= count; n += 1) {
    const fake = await startFakeReplica(`order-${n}`);
    replicas.push(Object.assign(fake, { known: knownReplica(fake, { origin: runOf(n) }) }));
  }
  const users = await startFakeReplica('user-service');
  const gateway = await startGateway(
    {
      host: '127.0.0.1',
      port: 0,
      logLevel: 'silent',
      stopGraceMs: 200,
      userServiceUrl: users.url,
      orderReplicas: { kind: 'fixed', urls: [] },
      maxLagMs: 10_000,
      readTimeoutMs: 5_000,
      writeTimeoutMs: 5_000,
      tokenWaitMs: 2_000,
      streamTimeoutMs: 60_000,
      maxRequests: 1_000,
      hasSessionCookie: true,
      ...changes,
    },
    {
      logger: createLogger({ name: 'gateway', level: 'silent' }),
      discovery: discoveryOf(() => replicas.map(({ known }) => known)),
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
  await closeFakes();
}

/** Sends headers that fetch would not. */
export async function rawGet(
  url: string,
  headers: http.OutgoingHttpHeaders,
  path = '/order-service/ada/orders',
): Promise<http.IncomingMessage> {
  const { hostname, port } = new URL(url);
  return new Promise<http.IncomingMessage>((resolve, reject) => {
    http
      .get({ hostname, port, path, headers }, (res) => {
        res.resume();
        resolve(res);
      })
      .on('error', reject);
  });
}

/** Places an order for ada. */
export const place = (
  url: string,
  headers: Record<string, string> = {},
  body = '{"productId":"tea"}',
): Promise<Response> =>
  fetch(`${url}/order-service/ada/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
