import { access } from 'node:fs/promises';
import { createLogger } from '@dbsync/service-kit';
import { afterEach, describe, expect, it } from 'vitest';
import { startUserService } from '../src/app.ts';
import type { UserServiceConfig } from '../src/config.ts';
import type { ReplicaRegistry } from '../src/orders/replica-list.ts';
import { sendJson, startFakeReplica } from './fake-order-replica.ts';
import { post, register, startService, stopEverything, testConfig } from './running-service.ts';

afterEach(stopEverything);

const announced: UserServiceConfig['orderReplicas'] = {
  kind: 'announced',
  kafka: { brokers: ['127.0.0.1:1'] },
  cluster: 'test',
  secret: '0123456789abcdef',
  database: 'orders',
  topicPrefix: '',
};

function fakeRegistry(replicas: { replicaId: string; url: string; state: string }[]) {
  const calls: string[] = [];
  const registry: ReplicaRegistry = {
    start: async () => void calls.push('start'),
    stop: async () => void calls.push('stop'),
    replicas: () => replicas,
  };
  return { registry, calls };
}

describe('startUserService', () => {
  it('reads orders from the replicas that announce themselves, as they come', async () => {
    const replicas: { replicaId: string; url: string; state: string }[] = [];
    const { registry, calls } = fakeRegistry(replicas);
    const service = await startUserService(testConfig({ orderReplicas: announced }), {
      createRegistry: () => registry,
    });
    try {
      const userId = await register(service.url);
      const ask = () => fetch(`${service.url}/users/${userId}`);
      expect(await (await ask()).json()).toMatchObject({ ordersUnavailable: true });
      const fake = await startFakeReplica('order-9');
      replicas.push({ replicaId: 'order-9', url: fake.url, state: 'live' });
      expect((await ask()).headers.get('x-orders-served-by')).toBe('order-9');
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      expect(metrics).toMatch(/dbsync_order_replicas\{service="user-service"\} 1/);
    } finally {
      await service.stop();
    }
    expect(calls).toEqual(['start', 'stop']);
  });

  it('starts while announcements cannot be followed, and says so', async () => {
    const logLines: string[] = [];
    const destination = { write: (line: string) => void logLines.push(line) };
    const { registry } = fakeRegistry([]);
    registry.start = () => Promise.reject(new Error('no broker'));
    const service = await startUserService(testConfig({ orderReplicas: announced }), {
      logger: createLogger({ name: 'test', level: 'info', destination }),
      createRegistry: () => registry,
    });
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    await service.stop();
    expect(logLines.join()).toContain('no broker');
  });

  it('leaves nothing open when the port is in use', async () => {
    const first = await startService();
    const { registry, calls } = fakeRegistry([]);
    const config = testConfig({ orderReplicas: announced, port: first.service.port });
    const logger = createLogger({ name: 'test', level: 'silent' });
    const starting = startUserService(config, { logger, createRegistry: () => registry, bindRetryMs: 0 });
    await expect(starting).rejects.toThrow(`port ${first.service.port}`);
    expect(calls).toEqual(['start', 'stop']);
    // SQLite removes the log of a database when its last connection is closed.
    await expect(access(`${config.databaseFile}-wal`)).rejects.toThrow('ENOENT');
  });

  it('keeps users over a restart', async () => {
    const config = testConfig({});
    const first = await startUserService(config);
    const userId = await register(first.url);
    await first.stop();
    const second = await startUserService(config);
    expect((await fetch(`${second.url}/users/${userId}`)).status).toBe(200);
    expect(
      (await post(`${second.url}/users`, { email: 'ada@example.com', name: 'Ada', password: '12345678' }))
        .status,
    ).toBe(409);
    await second.stop();
  });
});

describe('stop', () => {
  it('finishes the begun request, and is the same stop when called again', async () => {
    const { service, url, replicas } = await startService();
    const userId = await register(url);
    const [replica] = replicas;
    if (replica === undefined) throw new Error('no replica');
    const asked = new Promise<() => void>((resolve) => {
      replica.answer = (_req, res) => resolve(() => sendJson(res, 200, []));
    });
    const answered = fetch(`${url}/users/${userId}`);
    const release = await asked;
    const stopped = service.stop();
    expect(service.stop()).toBe(stopped);
    release();
    const answer = await answered;
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
    await stopped;
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });

  it('does not wait for a registry that hangs', async () => {
    const { registry } = fakeRegistry([]);
    registry.stop = () => new Promise(() => undefined);
    const service = await startUserService(testConfig({ orderReplicas: announced }), {
      createRegistry: () => registry,
    });
    await service.stop();
    await expect(fetch(`${service.url}/livez`)).rejects.toThrow();
  });
});
