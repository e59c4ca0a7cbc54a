import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { probeReplica, waitFor } from '../../src/index.ts';
import { ContainerStack, layGround } from '../../testing/containers/index.ts';
import { assertConverged, type LoadRecord, placeOrders } from '../../testing/index.ts';

/** Longer than a consumer's session: the broker gives the place of the frozen replica away. */
const frozenMs = 20_000;
const brokerAwayMs = 60_000;

const ground = await layGround();

/** Waits until every replica has the broker and nothing left to publish. Gives the seconds it took. */
async function untilDrained(urls: readonly string[]): Promise<number> {
  const begun = performance.now();
  await waitFor({
    what: 'everything to be in the log',
    timeoutMs: 60_000,
    look: async () => {
      const all = await Promise.all(urls.map((url) => probeReplica(url).status()));
      const left = all.filter(({ unpublished, logReachable }) => unpublished > 0 || !logReachable);
      if (left.length === 0) return { found: true };
      return { missing: left.map(({ replicaId, unpublished }) => `${replicaId}: ${unpublished}`).join(', ') };
    },
  });
  return (performance.now() - begun) / 1000;
}

/**
 * Sends the broker away and brings it back, as `outage` does, while orders are placed: none of them fails, and all
 * are everywhere afterwards. Gives what was placed, and the seconds until all was published.
 */
async function placeThrough(
  stack: ContainerStack,
  load: { readonly name: string; readonly ratePerSecond: number },
  outage: () => Promise<void>,
): Promise<{ placed: LoadRecord; seconds: number }> {
  const abort = new AbortController();
  const loading = placeOrders({
    ...{ urls: () => stack.orderUrls, clients: 8, ...load },
    signal: abort.signal,
  });
  await outage();
  const seconds = await untilDrained(stack.orderUrls);
  abort.abort();
  const placed = await loading;
  expect([...placed.failures]).toEqual([]);
  await assertConverged(stack.orderUrls);
  await stack.assertSameRows(placed);
  return { placed, seconds };
}

describe('containers under faults', () => {
  it('a replica frozen for longer than its session takes up where it was', async () => {
    const stack = await ContainerStack.start({ ground: ground() });
    const abort = new AbortController();
    const frozen = stack.of('order-2');
    const others = stack.orderUrls.filter((url) => url !== frozen.url);
    const before = await placeOrders({ urls: () => stack.orderUrls, count: 300, clients: 8, name: 'before' });
    const loading = placeOrders({
      ...{ urls: () => others, clients: 6, name: 'meanwhile', ratePerSecond: 100 },
      signal: abort.signal,
    });
    await frozen.pause();
    await pause(frozenMs);
    await frozen.resume();
    await frozen.untilReady();
    abort.abort();
    const load = await loading;
    expect([...load.failures]).toEqual([]);
    const after = await placeOrders({ urls: () => [frozen.url], count: 50, clients: 4, name: 'after' });
    const seconds = await assertConverged(stack.orderUrls);
    await stack.assertSameRows(before, load, after);
    console.log(`frozen for ${frozenMs / 1000} s: equal ${seconds.toFixed(1)} s after the last order`);
    await stack.stop();
  });

  it('a restart of the broker container stops no order', async () => {
    const stack = await ContainerStack.start({ ground: ground() });
    const { kafka } = ground();
    const { seconds } = await placeThrough(stack, { name: 'restart', ratePerSecond: 150 }, async () => {
      await waitFor({
        what: 'some orders',
        timeoutMs: 30_000,
        look: async () => {
          const { rows } = await probeReplica(stack.orderUrls[0] ?? '').status();
          return rows > 200 ? { found: true } : { missing: `${rows} rows` };
        },
      });
      await kafka.stop();
      await kafka.startAgain();
    });
    console.log(`broker restarted: all published ${seconds.toFixed(1)} s after its start`);
    await stack.stop();
  });

  it('a broker that is away for 60 s stops no order, and gets all of them afterwards', async () => {
    const stack = await ContainerStack.start({ ground: ground() });
    const { kafka } = ground();
    const { placed, seconds } = await placeThrough(stack, { name: 'away', ratePerSecond: 100 }, async () => {
      await kafka.kill();
      await pause(brokerAwayMs);
      const waiting = await Promise.all(stack.orderUrls.map((url) => probeReplica(url).status()));
      for (const { unpublished, writable } of waiting) {
        expect(writable).toBe(true);
        expect(unpublished).toBeGreaterThan(500);
      }
      await kafka.startAgain();
    });
    console.log(
      `broker away for ${brokerAwayMs / 1000} s: ${placed.acknowledged.size} orders, all published ${seconds.toFixed(1)} s after its start`,
    );
    await stack.stop();
  });

  it('a fourth replica joins by snapshot in mid-load, and one whose volume was wiped comes back', async () => {
    const environment = { DBSYNC_SNAPSHOT_MIN_RECORDS: '500' };
    const stack = await ContainerStack.start({ ground: ground(), environment });
    const first = await placeOrders({ urls: () => stack.orderUrls, count: 1500, clients: 16, name: 'first' });
    await assertConverged(stack.orderUrls);
    const abort = new AbortController();
    const urls = stack.orderUrls.filter((url) => url !== stack.of('order-2').url);
    const loading = placeOrders({
      ...{ urls: () => urls, clients: 6, name: 'meanwhile', ratePerSecond: 100 },
      signal: abort.signal,
    });
    const fourth = await stack.add('order-4');
    expect(await fourth.lastLines()).toContain('built from a snapshot');
    await stack.take('order-2');
    await stack.wipe('order-2');
    const wiped = await stack.add('order-2');
    expect(await wiped.lastLines()).toContain('built from a snapshot');
    abort.abort();
    const load = await loading;
    expect([...load.failures]).toEqual([]);
    const last = await placeOrders({ urls: () => stack.orderUrls, count: 200, clients: 8, name: 'last' });
    await assertConverged(stack.orderUrls);
    await stack.assertSameRows(first, load, last);
    await stack.stop();
  });
});
