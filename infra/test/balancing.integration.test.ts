import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../src/index.ts';
import { startTestCluster, type TestCluster } from '../testing/index.ts';

interface Reads {
  readonly statuses: Map<number, number>;
  readonly shares: Map<string, number>;
  slowestMs: number;
}

/** What is read, and the header that says which replica the orders are of. */
interface Target {
  readonly url: string;
  readonly servedBy: string;
}

const ordersOf = ({ gatewayUrl }: TestCluster): Target => ({
  url: `${gatewayUrl}/order-service/ada/orders`,
  servedBy: 'x-served-by',
});

/** Registers somebody. */
async function userOf({ gatewayUrl, userUrl }: TestCluster): Promise<Target & { userId: string }> {
  const registered = await fetch(`${gatewayUrl}/user-service/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'ada@example.com', name: 'Ada', password: 'difference engine' }),
  });
  const { userId } = (await registered.json()) as { userId: string };
  return { userId, url: `${userUrl}/users/${userId}`, servedBy: 'x-orders-served-by' };
}

/** Reads that one healthy replica has to serve while another one is hurt, before their shares say anything. */
const ENOUGH = 300;

const noReads = (): Reads => ({ statuses: new Map(), shares: new Map(), slowestMs: 0 });

/** Reads without a token, from `clients` at once, until `count` are answered or `until` is over; counts into `reads`. */
async function readMany(
  { url, servedBy }: Target,
  {
    count = Number.POSITIVE_INFINITY,
    until,
    clients = 16,
    reads = noReads(),
  }: { count?: number; until?: AbortSignal; clients?: number; reads?: Reads },
): Promise<Reads> {
  const tally = <K>(counts: Map<K, number>, key: K): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
  let sent = 0;
  const client = async (): Promise<void> => {
    while (sent < count && !until?.aborted) {
      sent += 1;
      const begunMs = performance.now();
      const answer = await fetch(url);
      await answer.arrayBuffer();
      tally(reads.statuses, answer.status);
      tally(reads.shares, answer.headers.get(servedBy) ?? 'nobody');
      reads.slowestMs = Math.max(reads.slowestMs, performance.now() - begunMs);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return reads;
}

/** Largest distance of a share from the mean, in percent of the mean. */
function unfairness(shares: readonly number[]): number {
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return Math.max(...shares.map((share) => (Math.abs(share - mean) / mean) * 100));
}

const registryOf = async ({ gatewayUrl }: TestCluster) =>
  (await (await fetch(`${gatewayUrl}/registry`)).json()) as {
    orderReplicas: { replicaId: string; breaker: string; isInBalance: boolean; weight: number }[];
  };

/** Waits until these take turns, with full shares. */
async function untilInBalance(cluster: TestCluster, expected: readonly string[]): Promise<void> {
  await waitFor({
    what: `${expected} to take turns`,
    timeoutMs: 60_000,
    look: async () => {
      const { orderReplicas } = await registryOf(cluster);
      const found = orderReplicas
        .filter(({ isInBalance, weight }) => isInBalance && weight === 1)
        .map(({ replicaId }) => replicaId);
      return `${found}` === `${expected}` ? { found: true } : { missing: JSON.stringify(orderReplicas) };
    },
  });
}

const everybody = ['order-1', 'order-2', 'order-3'];

describe('reads through the gateway', () => {
  it('are shared fairly, and neither they nor those through the user-service fail while a replica is killed, paused or slow', async () => {
    const test = await startTestCluster({ replicas: 3, hasFrontEnd: true });
    const { cluster } = test;
    await untilInBalance(test, everybody);
    const user = await userOf(test);
    const quiet = await readMany(ordersOf(test), { count: 900 });
    expect([...quiet.statuses.keys()]).toEqual([200]);
    expect([...quiet.shares.values()]).toEqual([300, 300, 300]);

    const hurt = async (
      what: string,
      victim: string,
      act: (untilEnough: () => Promise<void>) => Promise<void>,
    ): Promise<void> => {
      await untilInBalance(test, everybody);
      const over = new AbortController();
      const reads = noReads();
      const others = everybody.filter((name) => name !== victim);
      const fewest = (): number => Math.min(...others.map((name) => reads.shares.get(name) ?? 0));
      const reading = readMany(ordersOf(test), { until: over.signal, reads });
      const readingUser = readMany(user, { until: over.signal, clients: 4 });
      const untilEnough = (): Promise<void> =>
        waitFor({
          what: `${ENOUGH} reads of each of ${others}`,
          timeoutMs: 60_000,
          look: () => (fewest() > ENOUGH ? { found: undefined } : { missing: `${fewest()} were served` }),
        });
      await act(untilEnough)
        .then(untilEnough)
        .finally(() => over.abort());
      const { statuses, shares, slowestMs } = await reading;
      const ofUser = await readingUser;
      console.log(
        `${what}: ${[...shares].map((share) => share.join(' ')).join(', ')}; slowest ${slowestMs.toFixed(0)} ms`,
      );
      expect([...statuses.keys()], what).toEqual([200]);
      expect(unfairness(others.map((name) => shares.get(name) ?? 0)), what).toBeLessThan(5);
      // The user-service answers with 200 where it has no orders to show, but nobody has served them then.
      expect([...ofUser.statuses.keys()], what).toEqual([200]);
      expect([...ofUser.shares.keys()].toSorted(), what).toEqual(expect.arrayContaining(others));
      expect(ofUser.shares.get('nobody'), what).toBeUndefined();
    };

    await hurt('killed', 'order-2', async () => {
      const victim = cluster.service('order-2');
      await pause(300);
      const { pid } = victim;
      victim.kill('SIGKILL');
      await waitFor({
        what: 'another life',
        timeoutMs: 60_000,
        look: () => (victim.pid === null || victim.pid === pid ? { missing: 'down' } : { found: true }),
      });
      await victim.ready({ timeoutMs: 60_000, isFirstStart: false });
    });
    await hurt('paused', 'order-3', async (untilEnough) => {
      const victim = cluster.service('order-3');
      victim.kill('SIGSTOP');
      try {
        await untilInBalance(test, ['order-1', 'order-2']);
        await untilEnough();
      } finally {
        victim.kill('SIGCONT');
      }
    });
    await hurt('slow', 'order-1', async (untilEnough) => {
      const victim = cluster.service('order-1');
      let isOver = false;
      const enough = untilEnough().finally(() => {
        isOver = true;
      });
      while (!isOver) {
        victim.kill('SIGSTOP');
        await pause(250);
        victim.kill('SIGCONT');
        await pause(50);
      }
      await enough;
    });
    await untilInBalance(test, everybody);
    await test.stop();
  });

  it('go on when Kafka is away, and end in plain words when every replica is', async () => {
    const test = await startTestCluster({
      replicas: 2,
      hasFrontEnd: true,
      broker: 'own',
      isRestarting: false,
    });
    const { cluster, gatewayUrl, userUrl } = test;
    await untilInBalance(test, ['order-1', 'order-2']);
    const { userId } = await userOf(test);
    await cluster.broker?.kill('SIGKILL');
    // Longer than the silence that takes a replica out while Kafka is there.
    await pause(6000);
    cluster.service('order-1').kill('SIGKILL');
    const away = await readMany(ordersOf(test), { count: 300 });
    expect([[...away.statuses.keys()], [...away.shares.keys()]]).toEqual([[200], ['order-2']]);

    cluster.service('order-2').kill('SIGKILL');
    await waitFor({
      what: 'the end of the last replica',
      timeoutMs: 10_000,
      look: () => (cluster.service('order-2').pid === null ? { found: true } : { missing: 'it lives' }),
    });
    const nobody = await fetch(`${gatewayUrl}/order-service/ada/orders`);
    expect(nobody.status).toBe(503);
    expect(nobody.headers.get('retry-after')).toBe('1');
    expect(nobody.headers.get('content-type')).toBe('application/problem+json');
    for (const url of [userUrl, `${gatewayUrl}/user-service`]) {
      const user = (await (await fetch(`${url}/users/${userId}`)).json()) as object;
      expect(user).toMatchObject({ orders: [], ordersUnavailable: true, ordersNext: null });
    }
    await test.stop();
  });

  it('reach isolated replicas one after the other, with no session to hold them back', async () => {
    const test = await startTestCluster({ replicas: 2, topology: 'isolated', hasFrontEnd: true });
    const { gatewayUrl } = test;
    for (const productId of ['one', 'two', 'three', 'four']) {
      const placed = await fetch(`${gatewayUrl}/order-service/ada/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ productId, quantity: 1, unitPrice: 1 }),
      });
      expect([placed.status, placed.headers.getSetCookie()]).toEqual([201, []]);
    }
    const products = async () =>
      ((await (await fetch(`${gatewayUrl}/order-service/ada/orders`)).json()) as { productId: string }[]).map(
        ({ productId }) => productId,
      );
    expect([await products(), await products()]).toEqual([
      ['one', 'three'],
      ['two', 'four'],
    ]);
    await test.stop();
  });
});
