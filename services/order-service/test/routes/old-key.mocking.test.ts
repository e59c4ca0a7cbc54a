/**
 * A key after ten years. The clock is another one here, which everything in the process would see, what other tests
 * have left in it too: the metrics of a service go on for as long as its process lives.
 */
import { afterEach, expect, it, vi } from 'vitest';
import { expectProblem, pens, place, post } from '../order-requests.ts';
import { statusOf, untilEqual } from '../replica-status.ts';
import { startReplica, stopEverything } from '../running-service.ts';

const KEY = { 'Idempotency-Key': 'the same attempt' };
const YEAR_MS = 365 * 24 * 3_600_000;

afterEach(stopEverything);

it('answers a key ten years later: after a restart, and on a replica that came up from a snapshot', async () => {
  const old = await startReplica();
  const first = await place(old.url, { headers: KEY });
  await old.stop();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(first.order.createdAt) + 10 * YEAR_MS });
  try {
    const one = await startReplica({ broker: old.broker, directory: old.directory });
    // What is no longer in the log can come from a snapshot alone.
    for (const { partition, end } of old.broker.offsets()) old.broker.retain(partition, end);
    const two = await startReplica({ broker: old.broker, replicaId: 'order-2' });
    expect(two.logLines.join('\n')).toMatch(/built from a snapshot/);
    expect(Date.parse((await place(two.url)).order.createdAt)).toBeGreaterThan(
      Date.parse(first.order.createdAt) + 9 * YEAR_MS,
    );
    await untilEqual([one.url, two.url]);
    for (const replica of [one, two]) {
      expect(await place(replica.url, { headers: KEY })).toEqual(first);
      const problem = await expectProblem(
        await post(`${replica.url}/order-service/ada/orders`, { ...pens, quantity: 4 }, KEY),
        422,
      );
      expect(problem).toMatchObject({ type: '/problems/key-used-otherwise' });
      expect((await statusOf(replica.url)).rows).toBe(2);
    }
  } finally {
    vi.useRealTimers();
  }
});
