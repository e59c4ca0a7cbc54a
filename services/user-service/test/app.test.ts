import { access } from 'node:fs/promises';
import type { Discovery, KnownReplica } from '@dbsync/balancing';
import { knownReplica, sendJson, startFakeReplica } from '@dbsync/balancing/testing';
import { createLogger } from '@dbsync/service-kit';
import { afterEach, describe, expect, it } from 'vitest';
import { startUserService } from '../src/app.ts';
import { post, register, startService, stopEverything, testConfig } from './running-service.ts';

afterEach(stopEverything);

function fakeDiscovery(replicas: KnownReplica[]) {
  const calls: string[] = [];
  const discovery: Discovery = {
    kind: 'fake',
    start: () => void calls.push('start'),
    stop: async () => void calls.push('stop'),
    replicas: () => replicas,
  };
  return { discovery, calls };
}

describe('startUserService', () => {
  it('reads orders from the replicas that announce themselves, as they come', async () => {
    const replicas: KnownReplica[] = [];
    const { discovery, calls } = fakeDiscovery(replicas);
    const service = await startUserService(testConfig({}), { discovery });
    try {
      const userId = await register(service.url);
      const ask = () => fetch(`${service.url}/users/${userId}`);
      expect(await (await ask()).json()).toMatchObject({ ordersUnavailable: true });
      const fake = await startFakeReplica('order-9');
      replicas.push(knownReplica({ replicaId: 'order-9', url: fake.url }));
      expect((await ask()).headers.get('x-orders-served-by')).toBe('order-9');
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      expect(metrics).toMatch(/dbsync_order_replicas\{service="user-service"\} 1/);
    } finally {
      await service.stop();
    }
    expect(calls).toEqual(['start', 'stop']);
  });

  it('leaves nothing open when the port is in use', async () => {
    const first = await startService();
    const { discovery, calls } = fakeDiscovery([]);
    const config = testConfig({ port: first.service.port });
    const logger = createLogger({ name: 'test', level: 'silent' });
    const starting = startUserService(config, { logger, discovery, bindRetryMs: 0 });
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
});
