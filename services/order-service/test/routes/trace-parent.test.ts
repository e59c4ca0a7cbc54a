import { MemoryBroker, waitUntil } from '@dbsync/replication/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { list, place } from '../order-requests.ts';
import { untilStatus } from '../replica-status.ts';
import { newDirectory, startReplica, stopEverything } from '../running-service.ts';

afterEach(stopEverything);

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const VALID = `00-${TRACE}-b7ad6b7169203331-01`;

/** The header of each event in the log, by order. */
const traced = (broker: MemoryBroker): Map<string, string | undefined> =>
  new Map(
    broker
      .allRecords()
      .map(({ key, headers }) => [key?.toString() ?? '', headers.traceparent?.toString('latin1')]),
  );

describe('a traceparent', () => {
  it('goes with the order into its event, and with no other', async () => {
    const { url, broker } = await startReplica();
    const other = await startReplica({ broker, replicaId: 'order-2' });
    const orders = await Promise.all(
      [VALID, undefined, `00-${TRACE}-00f067aa0ba902b7-00`].map(async (traceparent) => {
        const headers = { 'Write-Concern': 'log', ...(traceparent === undefined ? {} : { traceparent }) };
        return { traceparent, ...(await place(url, { headers })) };
      }),
    );
    const seen = traced(broker);
    for (const { order, traceparent } of orders) expect(seen.get(order.orderId)).toBe(traceparent);
    await waitUntil(
      'the others take the events as always',
      async () => (await list(other.url)).orders.length === orders.length,
    );
  });

  it('of another form than the standard has is not handed on, and costs the order nothing', async () => {
    const { url, broker } = await startReplica();
    const malformed = [
      VALID.slice(0, -1),
      `${VALID}0`,
      VALID + '-x'.repeat(2000),
      VALID.toUpperCase(),
      `ff${VALID.slice(2)}`,
      `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
      `00-${TRACE}-${'0'.repeat(16)}-01`,
      `${VALID}, ${VALID}`,
      'hello',
      '',
    ];
    const orderIds = await Promise.all(
      malformed.map(async (traceparent) => {
        const { order } = await place(url, { headers: { 'Write-Concern': 'log', traceparent } });
        return order.orderId;
      }),
    );
    expect(traced(broker)).toEqual(new Map(orderIds.map((orderId) => [orderId, undefined])));
  });

  it('is forgotten by a restart, which publishes the order without it', async () => {
    const broker = new MemoryBroker();
    const directory = newDirectory();
    const first = await startReplica({ broker, directory });
    broker.setReachable(false);
    await untilStatus(first.url, 'the replica has noticed', ({ logReachable }) => !logReachable);
    const { order } = await place(first.url, { headers: { traceparent: VALID } });
    await first.stop();
    expect(traced(broker).size).toBe(0);
    broker.setReachable(true);
    await startReplica({ broker, directory });
    await waitUntil('it is published', () => traced(broker).has(order.orderId));
    expect(traced(broker).get(order.orderId)).toBeUndefined();
  });
});
