import { MemoryBroker, waitUntil } from '@dbsync/replication/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { expectProblem, jsonOf, list, type OrderAnswer, pens, place, post } from '../order-requests.ts';
import { statusOf, untilStatus } from '../replica-status.ts';
import { type RunningReplica, startReplica, stopEverything } from '../running-service.ts';

afterEach(stopEverything);

const ordersOf = ({ url }: RunningReplica): string => `${url}/order-service/ada/orders`;
const LOG = { 'Write-Concern': 'log' };

/** Order ids in the log, in the order of the partitions. */
const logged = (broker: MemoryBroker): string[] =>
  broker.allRecords().map(({ key }) => key?.toString() ?? '');

describe('Write-Concern: log', () => {
  it('is answered with 201 when the order is in the log', async () => {
    const replica = await startReplica();
    for (let i = 0; i < 10; i += 1) {
      const { order } = await place(replica.url, { headers: LOG });
      expect(logged(replica.broker)).toContain(order.orderId);
    }
  });

  it('is answered with 503 before anything is stored while the broker is away', async () => {
    const replica = await startReplica();
    await place(replica.url);
    replica.broker.setReachable(false);
    await untilStatus(replica.url, 'the replica has noticed', ({ logReachable }) => !logReachable);
    const problem = await expectProblem(await post(ordersOf(replica), pens, LOG), 503);
    expect(problem.type).toBe('/problems/log-unreachable');
    expect((await statusOf(replica.url)).rows).toBe(1);
    // The default goes on meanwhile.
    await place(replica.url);
    replica.broker.setReachable(true);
    await waitUntil('it is taken again', async () => {
      const answer = await post(ordersOf(replica), pens, LOG);
      return answer.status === 201 || `${answer.status}`;
    });
  });

  it('is answered with 504, location and token when no acknowledgement comes in time', async () => {
    const replica = await startReplica();
    const other = await startReplica({ broker: replica.broker, replicaId: 'order-2' });
    replica.broker.refuseAppends(1_000_000);
    const startedAt = performance.now();
    const answer = await post(ordersOf(replica), pens, LOG);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(290);
    const location = answer.headers.get('Location') ?? '';
    const token = answer.headers.get('Consistency-Token') ?? '';
    const problem = await expectProblem(answer, 504);
    expect(problem.type).toBe('/problems/not-yet-logged');
    expect(problem.detail).toMatch(/stored on this replica.*not acknowledged.*Do not send it again/s);
    const { origin, rows } = await statusOf(replica.url);
    expect(token).toBe(`${origin}:1`);
    expect(rows).toBe(1);
    expect(location).toMatch(/^\/order-service\/ada\/orders\/[0-9a-f-]{36}$/);
    const order = await jsonOf<OrderAnswer>(fetch(new URL(location, replica.url)));
    expect(order).toMatchObject({ ...pens, orderId: location.split('/').at(-1) });
    expect(logged(replica.broker)).toEqual([]);
    replica.broker.refuseAppends(0);
    await untilStatus(other.url, 'it has arrived on the other replica', (status) => status.rows === 1);
    expect((await list(other.url, { token })).orders).toEqual([order]);
    expect(logged(replica.broker)).toEqual([order.orderId]);
  });

  it('is satisfied when the acknowledgement is lost but the order can be read in the log', async () => {
    const replica = await startReplica({ limits: { acknowledgeMs: 5000 } });
    replica.broker.loseAcknowledgements(1);
    const { order } = await place(replica.url, { headers: LOG });
    expect(new Set(logged(replica.broker))).toEqual(new Set([order.orderId]));
    await untilStatus(replica.url, 'all is published', ({ unpublished }) => unpublished === 0);
  });

  it.each(['LOG', 'all', '', 'local,log', 'majority'])('%j is answered with 400', async (concern) => {
    const replica = await startReplica();
    const problem = await expectProblem(
      await post(ordersOf(replica), pens, { 'Write-Concern': concern }),
      400,
    );
    expect(problem.detail).toBe('Write-Concern must be local or log.');
    expect((await statusOf(replica.url)).rows).toBe(0);
  });

  it('local is the default, spelled out', async () => {
    const replica = await startReplica();
    await place(replica.url, { headers: { 'Write-Concern': 'local' } });
  });
});

describe('the high-water mark', () => {
  it('refuses writes with 503 while reads go on, and ends by itself', async () => {
    const replica = await startReplica({ limits: { maxUnpublished: 5 } });
    replica.broker.setReachable(false);
    const kept: string[] = [];
    for (let i = 0; i < 5; i += 1) kept.push((await place(replica.url)).order.orderId);
    for (let i = 0; i < 3; i += 1) {
      const problem = await expectProblem(await post(ordersOf(replica)), 503);
      expect(problem.type).toBe('/problems/too-many-unpublished');
    }
    expect(await statusOf(replica.url)).toMatchObject({
      state: 'live',
      writable: false,
      unpublished: 5,
      rows: 5,
    });
    expect((await fetch(`${replica.url}/readyz`)).status).toBe(200);
    expect((await list(replica.url)).orders.map(({ orderId }) => orderId)).toEqual(kept);
    replica.broker.setReachable(true);
    await untilStatus(
      replica.url,
      'writing goes on',
      ({ writable, unpublished }) => writable && unpublished === 0,
    );
    await place(replica.url);
    await untilStatus(
      replica.url,
      'it is in the log',
      ({ unpublished, rows }) => unpublished === 0 && rows === 6,
    );
    expect(logged(replica.broker)).toHaveLength(6);
  });

  it('counts what earlier runs left behind', async () => {
    const broker = new MemoryBroker();
    const limits = { maxUnpublished: 3 };
    const before = await startReplica({ broker, limits });
    broker.setReachable(false);
    for (let i = 0; i < 3; i += 1) await place(before.url);
    await before.stop();
    const after = await startReplica({ broker, limits, directory: before.directory });
    await expectProblem(await post(ordersOf(after)), 503);
    expect((await statusOf(after.url)).unpublished).toBe(3);
    broker.setReachable(true);
    await untilStatus(after.url, 'the old rows are in the log', (status) => status.unpublished === 0);
    await place(after.url);
  });
});
