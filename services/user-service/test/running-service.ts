/**
 * A whole user-service on a free port, with fake order replicas, for tests that talk to it over HTTP.
 *
 * Everything started here is stopped and removed by `stopEverything`, which test files call after each test.
 */
import path from 'node:path';
import { closeFakes, type FakeReplica, startFakeReplica } from '@dbsync/balancing/testing';
import { createLogger } from '@dbsync/service-kit';
import { startUserService, type UserService } from '../src/app.ts';
import type { UserServiceConfig } from '../src/config.ts';
import { removeScratchFolders, scratchFolder } from './scratch-folder.ts';

export interface RunningService {
  service: UserService;
  url: string;
  replicas: FakeReplica[];
  logLines: string[];
  databaseFile: string;
}

const running: UserService[] = [];

export async function startService(options: { replicas?: number } = {}): Promise<RunningService> {
  const replicas: FakeReplica[] = [];
  for (let n = 1; n <= (options.replicas ?? 1); n++) {
    // Nobody tells anything of itself here: discovery asks, and orders are asked for all the same.
    replicas.push(await startFakeReplica(`order-${n}`, { unknownPath: '/replication/status' }));
  }
  // Fixed replicas take turns in the order of their addresses; the tests name them in this order.
  replicas.sort((a, b) => (a.url < b.url ? -1 : 1));
  const config = testConfig({ orderReplicas: { kind: 'fixed', urls: replicas.map(({ url }) => url) } });
  const logLines: string[] = [];
  const logger = createLogger({
    name: config.replicaId,
    level: 'debug',
    destination: { write: (line) => void logLines.push(line) },
  });
  const service = await startUserService(config, { logger });
  running.push(service);
  return { service, url: service.url, replicas, logLines, databaseFile: config.databaseFile };
}

export function testConfig(overrides: Partial<UserServiceConfig>): UserServiceConfig {
  return {
    host: '127.0.0.1',
    port: 0,
    logLevel: 'silent',
    stopGraceMs: 200,
    replicaId: 'user-service',
    databaseFile: path.join(scratchFolder(), 'users.db'),
    orderTimeoutMs: 5_000,
    tokenWaitMs: 2_000,
    maxLagMs: 10_000,
    orderReplicas: { kind: 'fixed', urls: [] },
    ...overrides,
  };
}

export async function stopEverything(): Promise<void> {
  await Promise.all(running.splice(0).map((service) => service.stop()));
  await closeFakes();
  removeScratchFolders();
}

export const ada = { email: 'ada@example.com', name: 'Ada', password: 'difference engine' };

export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

/** Registers a user and returns its id. */
export async function register(url: string, user: Partial<typeof ada> = {}): Promise<string> {
  const answer = await post(`${url}/user-service/users`, { ...ada, ...user });
  const body = (await answer.json()) as { userId?: string };
  if (body.userId === undefined) throw new Error(`not registered: ${JSON.stringify(body)}`);
  return body.userId;
}
