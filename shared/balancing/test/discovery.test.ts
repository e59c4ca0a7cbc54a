import { createLogger } from '@dbsync/service-kit';
import { afterEach, describe, expect, it } from 'vitest';
import { announcedReplicas } from '../src/announced-replicas.ts';
import { BalancedClient } from '../src/balanced-client.ts';
import type { Discovery } from '../src/known-replica.ts';
import { dnsUrls, ProbedReplicas } from '../src/probed-replicas.ts';
import { closeFakes, type FakeReplica, sendJson, startFakeReplica } from '../testing/index.ts';

const logger = createLogger({ name: 'test', level: 'silent' });
const running: Discovery[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((discovery) => discovery.stop()));
  await closeFakes();
});

const RUN = '01J00000000000000000000000';
const status = {
  replicaId: 'order-7',
  origin: `order-7.${RUN}`,
  state: 'live',
  vector: { [`order-7.${RUN}`]: { seq: 3, chain: 'ab' } },
  ended: { origins: 9, digest: 'ab', latest: { [`order-8.${RUN}`]: 4 } },
  lag: { records: 0, ms: 12 },
  writable: true,
};

function probe(urls: () => Promise<readonly string[]>, hasStatus = true): ProbedReplicas {
  const discovery = new ProbedReplicas({ kind: 'fixed', urls, logger, hasStatus });
  running.push(discovery);
  discovery.start();
  return discovery;
}

const tells = (fake: FakeReplica, body: unknown): void => {
  fake.answer = (_req, res) => sendJson(res, 200, body);
};

describe('replicas at addresses', () => {
  it('are asked what they would announce', async () => {
    const fake = await startFakeReplica('order-7');
    tells(fake, status);
    const discovery = probe(async () => [fake.url]);
    await expect.poll(() => discovery.replicas()[0]?.state).toBe('live');
    expect(discovery.replicas()).toEqual([
      {
        replicaId: 'order-7',
        url: fake.url,
        state: 'live',
        origin: `order-7.${RUN}`,
        lagMs: 12,
        isWritable: true,
        vector: new Map([
          [`order-8.${RUN}`, 4],
          [`order-7.${RUN}`, 3],
        ]),
      },
    ]);
  });

  it.each<[string, unknown]>([
    ['what is no status', { state: 'live' }],
    ['nonsense', 'x'],
  ])('that answer %s are known by their address alone', async (_what, body) => {
    const fake = await startFakeReplica('order-7');
    tells(fake, body);
    const discovery = probe(async () => [fake.url]);
    await expect.poll(() => fake.requests.length, { timeout: 10_000 }).toBeGreaterThan(1);
    expect(discovery.replicas()).toMatchObject([{ replicaId: new URL(fake.url).host, state: 'unknown' }]);
  });

  it('are silent five seconds after their last word, and come back with the next', {
    timeout: 30_000,
  }, async () => {
    const fake = await startFakeReplica('order-7');
    tells(fake, status);
    const discovery = probe(async () => [fake.url]);
    const stateOf = (): string | undefined => discovery.replicas()[0]?.state;
    await expect.poll(stateOf).toBe('live');
    fake.answer = (_req, res) => sendJson(res, 500, {});
    await expect.poll(stateOf, { timeout: 15_000 }).toBe('silent');
    tells(fake, status);
    await expect.poll(stateOf, { timeout: 15_000 }).toBe('live');
  });

  it('are asked on while a lookup hangs', { timeout: 30_000 }, async () => {
    const fake = await startFakeReplica('order-7');
    tells(fake, status);
    let looks = 0;
    const discovery = probe(() => {
      looks += 1;
      return looks > 1 ? new Promise(() => undefined) : Promise.resolve([fake.url]);
    });
    await expect.poll(() => looks, { timeout: 15_000 }).toBe(2);
    const asked = fake.requests.length;
    await expect.poll(() => fake.requests.length, { timeout: 15_000 }).toBeGreaterThan(asked + 1);
    expect(discovery.replicas()).toMatchObject([{ replicaId: 'order-7', state: 'live' }]);
  });

  it('are never asked where there is no status', async () => {
    const fake = await startFakeReplica('user-service');
    const discovery = probe(async () => [fake.url], false);
    await expect.poll(() => discovery.replicas().length).toBe(1);
    expect(fake.requests).toEqual([]);
  });

  it('behind one name take turns, follow the name, and stay while it cannot be looked up', {
    timeout: 30_000,
  }, async ({ skip }) => {
    skip(process.platform !== 'linux', 'only Linux has more of the loopback network than its first address');
    const first = await startFakeReplica('order-1');
    const port = Number(new URL(first.url).port);
    const others = await Promise.all(
      [2, 3].map((n) => startFakeReplica(`order-${n}`, { host: `127.0.0.${n}`, port })),
    );
    for (const fake of [first, ...others]) {
      tells(fake, { ...status, replicaId: fake.replicaId, origin: `${fake.replicaId}.${RUN}` });
    }
    let addresses: number[] | undefined = [1, 2];
    let looks = 0;
    const resolve = async (name: string) => {
      expect(name).toBe('orders.example');
      looks += 1;
      if (addresses === undefined) throw new Error('queryA EAI_AGAIN');
      return addresses.map((n) => ({ address: `127.0.0.${n}`, family: 4 }));
    };
    const discovery = probe(dnsUrls({ name: 'orders.example', port, resolve }));
    const client = new BalancedClient({
      discovery,
      maxLagMs: 1_000,
      observer: { passedOver: () => undefined, breakerChanged: () => undefined },
    });
    const live = (): string[] =>
      discovery.replicas().flatMap(({ replicaId, state }) => (state === 'live' ? [replicaId] : []));
    const served = async (): Promise<string[]> => {
      const names: string[] = [];
      for (let n = 0; n < 6; n += 1) {
        const request = {
          method: 'GET',
          path: '/x',
          timeLimitMs: 5_000,
          isRepeatable: true,
          isWrite: false,
        };
        names.push((await client.request(request)).replica.replicaId);
      }
      return names.sort();
    };
    const halves = (...names: string[]): string[] => names.flatMap((name) => [name, name, name]);

    await expect.poll(live).toEqual(['order-1', 'order-2']);
    expect(await served()).toEqual(halves('order-1', 'order-2'));
    // One goes, one is added.
    addresses = [2, 3, 3];
    await expect.poll(live, { timeout: 10_000 }).toEqual(['order-2', 'order-3']);
    addresses = undefined;
    const failedFrom = looks;
    await expect.poll(() => looks, { timeout: 10_000 }).toBeGreaterThan(failedFrom + 1);
    expect(live()).toEqual(['order-2', 'order-3']);
    expect(await served()).not.toContain('order-1');
    addresses = [1, 2, 3];
    await expect.poll(live, { timeout: 10_000 }).toEqual(['order-1', 'order-2', 'order-3']);
    await client.stop();
  });

  it('behind a name have a URL for every address of it, of both kinds', async () => {
    const both = [
      { address: '10.1.2.3', family: 4 },
      { address: 'fd00::1', family: 6 },
    ];
    expect(await dnsUrls({ name: 'orders.example', port: 8080, resolve: async () => both })()).toEqual([
      'http://10.1.2.3:8080',
      'http://[fd00::1]:8080',
    ]);
    expect(await dnsUrls({ name: 'localhost', port: 60_001 })()).toContain('http://127.0.0.1:60001');
  });
});

describe('replicas that announce themselves', () => {
  const announcement = {
    others: { [`order-2.${RUN}`]: 5 },
    ended: { origins: 1, digest: '', latest: { [`order-8.${RUN}`]: 4 } },
    published: 3,
    isWritable: false,
    lag: { records: 0, ms: null },
  };
  const live = (replicaId: string, change: object = {}) => ({
    replicaId,
    origin: `${replicaId}.${RUN}`,
    url: 'http://127.0.0.1:60001/path',
    state: 'live',
    announcement,
    ...change,
  });
  const announced = (entries: object[], stop: () => Promise<void> = async () => undefined): Discovery => {
    const registry = { start: async () => undefined, stop, replicas: () => entries };
    return announcedReplicas({} as never, registry as never);
  };

  it('are known by what they said', () => {
    expect(announced([live('order-1')]).replicas()).toEqual([
      {
        replicaId: 'order-1',
        url: 'http://127.0.0.1:60001',
        state: 'live',
        origin: `order-1.${RUN}`,
        lagMs: null,
        isWritable: false,
        vector: new Map([
          [`order-8.${RUN}`, 4],
          [`order-2.${RUN}`, 5],
          [`order-1.${RUN}`, 3],
        ]),
      },
    ]);
  });

  it('with an address that is none are left out', () => {
    expect(announced([live('order-1', { url: 'nowhere' })]).replicas()).toEqual([]);
  });

  it('are left in time, although Kafka hangs', async () => {
    const options = { logger } as never;
    const registry = {
      start: async () => undefined,
      stop: () => new Promise(() => undefined),
      replicas: () => [],
    };
    await announcedReplicas(options, registry as never).stop();
  });
});
