import { globSync } from 'node:fs';
import { join } from 'node:path';
import { rawTopic } from '@dbsync/replication/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { waitFor } from '../src/index.ts';
import {
  assertConverged,
  assertNothingLostOrMade,
  type LoadRecord,
  placeOrders,
  startTestCluster,
  type TestCluster,
} from '../testing/index.ts';
import { loseTail } from '../testing/log-segment.ts';
import { startTestBroker, type TestBroker } from '../testing/test-broker.ts';

interface Status {
  readonly origin: string;
  readonly state: string;
  readonly rows: number;
  readonly unpublished: number;
  readonly quarantined: number;
  readonly lag: { readonly records: number | null };
  readonly counters: { readonly duplicates: number; readonly relinks: number };
}

const statusOf = async (url: string): Promise<Status> =>
  (await (await fetch(`${url}/replication/status`)).json()) as Status;

async function until(what: string, isTrue: () => Promise<boolean>, timeoutMs = 60_000): Promise<number> {
  const begun = performance.now();
  const look = async () =>
    (await isTrue().catch(() => false)) ? { found: true as const } : { missing: 'not yet' };
  await waitFor({ what, timeoutMs, look });
  return (performance.now() - begun) / 1000;
}

describe('faults of the log on real Kafka', () => {
  let test: TestCluster;
  const records: LoadRecord[] = [];
  beforeAll(async () => {
    test = await startTestCluster({ replicas: 3, isRestarting: false });
  });

  it('events sent again and records that are none of ours change nothing', async () => {
    const { orderUrls, topicPrefix } = test;
    const load = await placeOrders({ urls: () => orderUrls, count: 300, clients: 16, name: 'again' });
    records.push(load);
    await assertConverged(orderUrls);
    const topic = rawTopic(inject('sharedBroker').bootstrap, `${topicPrefix}orders.changes`);
    const events = await topic.readAll();
    expect(events).toHaveLength(300);
    await topic.send(events);
    await topic.sendInTransaction(events.slice(0, 20), 'commit');
    await topic.sendInTransaction(events.slice(20, 40), 'abort');
    const [event] = events;
    const foreign = { ...event?.headers, ce_origin: 'order-9.01ARZ3NDEKTSV4RRFFQ69G5FAV' };
    await topic.send([
      { partition: 0, key: null, value: Buffer.from('not json'), headers: {} },
      { partition: 1, key: null, value: null, headers: {} },
      { partition: 2, key: null, value: Buffer.from('{"__proto__":{"x":1}}'), headers: event?.headers ?? {} },
      { partition: 3, key: null, value: event?.value ?? null, headers: foreign },
    ]);
    for (const url of orderUrls) {
      await until(`${url} has passed all of it`, async () => {
        const { lag, quarantined, counters } = await statusOf(url);
        return lag.records === 0 && quarantined === 4 && counters.duplicates >= 200;
      });
      const { rows, state } = await statusOf(url);
      expect([rows, state]).toEqual([300, 'live']);
    }
    await assertConverged(orderUrls);
    expect(load.acknowledged.size).toBe(300);
  });

  it('a topic deleted under running replicas is made anew, and everything is in it again', async () => {
    const { cluster, orderUrls, topicPrefix } = test;
    const topic = rawTopic(inject('sharedBroker').bootstrap, `${topicPrefix}orders.changes`);
    await topic.drop();
    const after = await placeOrders({ urls: () => orderUrls, count: 200, clients: 8, name: 'deleted' });
    records.push(after);
    expect([...after.failures]).toEqual([]);
    const seconds = await until('all have noticed and healed', async () =>
      (await Promise.all(orderUrls.map(statusOf))).every(
        ({ counters, unpublished, state }) => counters.relinks > 0 && unpublished === 0 && state === 'live',
      ),
    );
    await assertConverged(orderUrls);
    assertNothingLostOrMade(
      cluster.replicas.map(({ database }) => database),
      records,
    );
    const ids = new Set((await topic.readAll()).map(({ headers }) => String(headers.ce_id)));
    expect(ids.size).toBe(500);
    console.log(`topic deleted: healed ${seconds.toFixed(1)} s after the last order`);
  });

  it('a replica whose position retention has passed gets the rest from its peers', async () => {
    const { cluster, orderUrls, topicPrefix } = test;
    const away = cluster.service('order-3');
    const others = orderUrls.slice(0, 2);
    const topic = rawTopic(inject('sharedBroker').bootstrap, `${topicPrefix}orders.changes`);
    away.kill('SIGKILL');
    const known = await topic.offsets();
    records.push(await placeOrders({ urls: () => others, count: 400, clients: 16, name: 'passed' }));
    await assertConverged(others);
    // Beyond everything that it can have read, and not all that came since.
    const cuts = known.map(({ partition, end }) => ({ partition, end: end + 50 }));
    const ends = await topic.offsets();
    const reached = cuts.filter((cut) =>
      ends.some(({ partition, end }) => partition === cut.partition && end > cut.end),
    );
    expect(reached).not.toEqual([]);
    await topic.cutTo(reached);
    await away.restart();
    await assertConverged(orderUrls);
    assertNothingLostOrMade(
      cluster.replicas.map(({ database }) => database),
      records,
    );
  });
});

describe('faults of the broker itself', () => {
  let broker: TestBroker;
  let test: TestCluster;
  const records: LoadRecord[] = [];
  beforeAll(async () => {
    broker = await startTestBroker();
    test = await startTestCluster({ replicas: 3, broker });
  });
  afterAll(async () => {
    await test.stop();
    await broker.stop();
  });

  it('everything stopped and started again, broker included, is as it was', async () => {
    const { cluster, orderUrls } = test;
    records.push(await placeOrders({ urls: () => orderUrls, count: 500, clients: 16, name: 'restart' }));
    await assertConverged(orderUrls);
    const before = await Promise.all(orderUrls.map(statusOf));
    await broker.broker.kill('SIGTERM');
    await Promise.all([
      broker.broker.ended().then(() => broker.broker.restart()),
      ...cluster.replicas.map((replica) => replica.restart()),
    ]);
    await until('all are live with the log', async () =>
      (await Promise.all(orderUrls.map(statusOf))).every(
        ({ state, lag }) => state === 'live' && lag.records === 0,
      ),
    );
    const after = await Promise.all(orderUrls.map(statusOf));
    expect(after.map(({ rows }) => rows)).toEqual([500, 500, 500]);
    for (const [index, { origin }] of after.entries()) expect(origin).not.toBe(before[index]?.origin);
    await assertConverged(orderUrls);
    assertNothingLostOrMade(
      cluster.replicas.map(({ database }) => database),
      records,
    );
  });

  it('a tail that the broker had acknowledged and lost is published again, beside what took its offsets', async ({
    skip,
  }) => {
    const { cluster, orderUrls, topicPrefix } = test;
    if (broker.broker.kind !== 'java') return skip('the files of a broker in a container are not at hand');
    // Few at a time, for how many orders share a batch is up to the speed of the machine.
    for (let few = 0; few < 30; few += 1) {
      records.push(await placeOrders({ urls: () => orderUrls, count: 4, clients: 4, name: `before-${few}` }));
      await until('everything is in the log', async () =>
        (await Promise.all(orderUrls.map(statusOf))).every(({ unpublished }) => unpublished === 0),
      );
    }
    await assertConverged(orderUrls);
    await broker.broker.kill('SIGKILL');
    await broker.broker.ended();
    const topicName = `${topicPrefix}orders.changes`;
    const segments = globSync(join(broker.dataDir, 'broker', 'log', `${topicName}-*`, '*0.log'));
    const lost = segments.map(loseTail).reduce((sum, batches) => sum + batches, 0);
    expect(lost).toBeGreaterThan(10);
    await broker.broker.restart();
    records.push(await placeOrders({ urls: () => orderUrls, count: 100, clients: 4, name: 'after' }));
    const seconds = await until('all have healed', async () =>
      (await Promise.all(orderUrls.map(statusOf))).every(
        ({ state, unpublished, lag }) => state === 'live' && unpublished === 0 && lag.records === 0,
      ),
    );
    await assertConverged(orderUrls);
    assertNothingLostOrMade(
      cluster.replicas.map(({ database }) => database),
      records,
    );
    const ids = new Set(
      (await rawTopic(broker.bootstrap, topicName).readAll()).map(({ headers }) => String(headers.ce_id)),
    );
    expect(ids.size).toBe(720);
    console.log(`${lost} batches lost: healed ${seconds.toFixed(1)} s after the last order`);
  });
});
