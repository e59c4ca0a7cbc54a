import { beforeEach, describe, expect, it } from 'vitest';
import { waitFor } from '../../src/index.ts';
import { ContainerStack, findEngine, makeOtherImage, startGround } from '../../testing/containers/index.ts';
import { assertConverged, placeOrders } from '../../testing/index.ts';

const engine = await findEngine();

beforeEach(({ skip }) => {
  if ('absent' in engine) skip(engine.absent);
});

/** Reads one user's orders again and again; gives what was not 200, by what it was. */
async function readOrders(url: string, signal: AbortSignal): Promise<Map<string, number>> {
  const failures = new Map<string, number>();
  let reads = 0;
  while (!signal.aborted) {
    const answer = await fetch(`${url}/order-service/user-${reads % 50}/orders`, {
      signal: AbortSignal.timeout(20_000),
    }).catch(String);
    await (typeof answer === 'string' ? undefined : answer.arrayBuffer());
    const what = typeof answer === 'string' ? answer : String(answer.status);
    if (what !== '200') failures.set(what, (failures.get(what) ?? 0) + 1);
    reads += 1;
  }
  expect(reads).toBeGreaterThan(100);
  return failures;
}

/** Waits until a replica answers through the gateway. */
async function untilServing(url: string, name: string): Promise<void> {
  await waitFor({
    what: `${name} to serve through the gateway`,
    timeoutMs: 30_000,
    look: async () => {
      const answer = await fetch(`${url}/order-service/ada/orders`);
      await answer.arrayBuffer();
      const served = answer.headers.get('x-served-by');
      return served === name ? { found: true } : { missing: `${answer.status} by ${served}` };
    },
  });
}

describe('a rolling upgrade', () => {
  it('replaces every replica under load, and no request through the gateway fails', async () => {
    if ('absent' in engine) return;
    const ground = await startGround(engine);
    const upgraded = await makeOtherImage(engine.service);
    const names = ['order-1', 'order-2', 'order-3', 'user-service', 'gateway'];
    const stack = await ContainerStack.start({ ground, names });
    const { url } = stack.of('gateway');
    // A gateway that has just started answers 503 until it has heard of the replicas.
    for (const { name } of stack.replicas) await untilServing(url, name);
    const abort = new AbortController();
    const loading = placeOrders({
      ...{ urls: () => [url], clients: 8, name: 'rolling', ratePerSecond: 100 },
      signal: abort.signal,
    });
    const reading = readOrders(url, abort.signal);
    const seconds: string[] = [];
    for (const name of ['order-1', 'order-2', 'order-3']) {
      const begun = performance.now();
      await stack.take(name);
      const next = await stack.add(name, upgraded);
      // The gateway gives it work again before the next one goes.
      await untilServing(url, next.name);
      seconds.push(((performance.now() - begun) / 1000).toFixed(1));
    }
    abort.abort();
    const [load, failedReads] = [await loading, await reading];
    expect([[...load.failures], [...failedReads]]).toEqual([[], []]);
    await assertConverged(stack.orderUrls);
    await stack.assertSameRows(load);
    console.log(`replaced in ${seconds.join(', ')} s; ${load.acknowledged.size} orders, none failed`);
    await stack.stop();
  });
});
