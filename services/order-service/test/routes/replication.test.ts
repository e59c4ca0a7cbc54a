import { MemoryBroker } from '@dbsync/replication/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { changeRow } from '../foreign-process.ts';
import { expectProblem, jsonOf, place } from '../order-requests.ts';
import { statusOf, untilEqual, untilStatus } from '../replica-status.ts';
import { type RunningReplica, startReplica, stopEverything } from '../running-service.ts';

interface Change {
  seq: number;
  schemaVersion: number;
  table: string;
  previous: string;
  chain: string;
  value: string;
}

const HEX64 = /^[0-9a-f]{64}$/;
const GENESIS = '0'.repeat(64);

const changes = async (url: string, query: string): Promise<Change[]> =>
  (await jsonOf<{ events: Change[] }>(fetch(`${url}/replication/changes?${query}`))).events;

describe('GET /replication/status', () => {
  afterEach(stopEverything);

  it('has the fields of the contract', async () => {
    const broker = new MemoryBroker({ partitions: 2 });
    const before = await startReplica({ broker });
    await place(before.url);
    await untilStatus(before.url, 'it is in the log', ({ unpublished }) => unpublished === 0);
    await before.stop();
    const replica = await startReplica({ broker, directory: before.directory });
    const other = await startReplica({ broker, replicaId: 'order-2' });
    await place(replica.url);
    await place(other.url);
    const { origin } = await statusOf(replica.url);
    const { origin: otherOrigin } = await statusOf(other.url);
    const status = await untilStatus(
      replica.url,
      'all is quiet',
      ({ rows, unpublished, lag, vector }) =>
        rows === 3 && unpublished === 0 && lag.records === 0 && Object.keys(vector).length === 2,
    );
    expect(status).toMatchObject({
      replicaId: 'order-1',
      origin,
      state: 'live',
      vector: {
        [origin]: { seq: 1, chain: expect.stringMatching(HEX64) },
        [otherOrigin]: { seq: 1, chain: expect.stringMatching(HEX64) },
      },
      ended: { origins: 1, digest: expect.stringMatching(HEX64) },
      digest: expect.stringMatching(HEX64),
      rows: 3,
      unpublished: 0,
      lag: { records: 0, ms: 0 },
      positions: expect.any(Array),
      stalled: [],
      quarantined: 0,
      writable: true,
    });
    expect(status.positions.map(({ topic, partition }) => [topic, partition])).toEqual([
      ['orders.changes', 0],
      ['orders.changes', 1],
    ]);
    expect(status.positions.reduce((sum, { next }) => sum + next, 0)).toBe(3);
    for (const { next, end } of status.positions) expect(end).toBe(next);
  });

  it('does not know lag and ends where there is no log', async () => {
    const { url } = await startReplica({ isIsolated: true });
    await place(url);
    expect(await statusOf(url)).toMatchObject({
      state: 'live',
      lag: { records: null, ms: null },
      positions: [],
      unpublished: 0,
      rows: 1,
      writable: true,
    });
  });

  it('says that lag is unknown while the broker is away', async () => {
    const { url, broker } = await startReplica();
    broker.setReachable(false);
    const status = await untilStatus(url, 'it has noticed', ({ logReachable }) => !logReachable);
    expect(status).toMatchObject({ state: 'live', lag: { records: null, ms: null } });
    broker.setReachable(true);
    await untilStatus(url, 'the lag is known again', ({ lag }) => lag.records === 0 && lag.ms === 0);
  });

  it('counts strangers in the log as quarantined and goes on', async () => {
    const { url, broker } = await startReplica();
    broker.appendRaw(0, { key: Buffer.from('k'), value: Buffer.from('not ours'), headers: {} });
    broker.appendRaw(1, { key: null, value: null, headers: { ce_id: Buffer.from('x') } });
    await place(url);
    await untilStatus(
      url,
      'both are in quarantine',
      ({ quarantined, lag, unpublished }) => quarantined === 2 && lag.records === 0 && unpublished === 0,
    );
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });
});

describe('GET /replication/vector, /changes and /digest', () => {
  let one: RunningReplica;
  let two: RunningReplica;
  let origin: string;

  beforeAll(async () => {
    const broker = new MemoryBroker();
    one = await startReplica({ broker, replicaId: 'order-1' });
    two = await startReplica({ broker, replicaId: 'order-2' });
    ({ origin } = await statusOf(one.url));
    for (let i = 0; i < 4; i += 1) {
      await Promise.all(Array.from({ length: 130 }, () => place(one.url)));
      await place(two.url);
    }
    await untilEqual([one.url, two.url]);
  });
  afterAll(stopEverything);

  it('are the same on replicas that hold the same', async () => {
    const vectors = await Promise.all(
      [one, two].map(({ url }) => jsonOf(fetch(`${url}/replication/vector`))),
    );
    expect(vectors[0]).toEqual(vectors[1]);
    expect(vectors[0]).toMatchObject({
      vector: { [origin]: { seq: 520, chain: expect.stringMatching(HEX64) } },
      digest: (await statusOf(one.url)).digest,
    });
    for (const query of [`origin=${origin}&limit=500`, `origin=${origin}&after=500`]) {
      expect(await changes(one.url, query)).toEqual(await changes(two.url, query));
    }
  });

  it('show each row at its place, linked to the one before, with its canonical bytes', async () => {
    const all = [
      ...(await changes(one.url, `origin=${origin}&limit=500`)),
      ...(await changes(one.url, `origin=${origin}&after=500&limit=500`)),
    ];
    expect(all.map(({ seq }) => seq)).toEqual(Array.from({ length: 520 }, (_, i) => i + 1));
    let previous = GENESIS;
    for (const change of all) {
      // In which version it was written depends on when everybody was heard to know the newer one.
      expect(change).toMatchObject({ table: 'orders', schemaVersion: expect.toBeOneOf([1, 2]), previous });
      previous = change.chain;
    }
    const { vector } = await jsonOf<{ vector: Record<string, { chain: string }> }>(
      fetch(`${one.url}/replication/vector`),
    );
    expect(previous).toBe(vector[origin]?.chain);
    const bytes = Buffer.from(all[0]?.value ?? '', 'base64').toString();
    const row = JSON.parse(bytes) as Record<string, unknown>;
    expect(Object.keys(row)).toEqual([
      'created_at',
      ...(all[0]?.schemaVersion === 2 ? ['note'] : []),
      'order_id',
      'product_id',
      'quantity',
      'total_price',
      'unit_price',
      'user_id',
    ]);
    expect(JSON.stringify(row)).toBe(bytes);
  });

  it('give 100 changes by default and nothing beyond the end', async () => {
    expect(await changes(one.url, `origin=${origin}`)).toHaveLength(100);
    expect(await changes(one.url, `origin=${origin}&after=519`)).toHaveLength(1);
    expect(await changes(one.url, `origin=${origin}&after=520`)).toEqual([]);
    expect(await changes(one.url, `origin=${origin}&after=9007199254740991`)).toEqual([]);
    expect(await changes(one.url, 'origin=order-9.01J00000000000000000000000')).toEqual([]);
  });

  it.each([
    ['no origin', ''],
    ['an origin of another form', 'origin=order-1'],
    ['two origins', 'origin=order-1.01J00000000000000000000000&origin=order-1.01J00000000000000000000000'],
    ['SQL', "origin=x' OR 1=1 --"],
    ['a limit of 0', 'limit=0'],
    ['a limit of 501', 'limit=501'],
    ['a negative limit', 'limit=-1'],
    ['a limit in letters', 'limit=all'],
    ['a negative place', 'after=-1'],
    ['a fraction', 'after=0.5'],
    ['a place beyond safe integers', 'after=9007199254740992'],
    ['an unknown name', 'before=3'],
  ])('refuse %s', async (_what, query) => {
    const all = query.includes('origin') || query === '' ? query : `origin=${origin}&${query}`;
    const problem = await expectProblem(await fetch(`${one.url}/replication/changes?${all}`), 400);
    expect(problem.errors?.length).toBeGreaterThan(0);
  });

  it('recompute the digest from the rows when asked', async () => {
    const { digest } = await statusOf(one.url);
    expect(await jsonOf(fetch(`${one.url}/replication/digest`))).toEqual({ digest, rows: 524 });
    expect(await jsonOf(fetch(`${one.url}/replication/digest?deep=0`))).toEqual({ digest, rows: 524 });
    for (const deep of ['', '=1', '=true']) {
      expect(await jsonOf(fetch(`${one.url}/replication/digest?deep${deep}`))).toEqual({
        digest,
        expected: digest,
        rows: 524,
        problems: [],
      });
    }
    await expectProblem(await fetch(`${one.url}/replication/digest?deep=perhaps`), 400);
    await expectProblem(await fetch(`${one.url}/replication/digest?x=1`), 400);
  });

  it('find a row that somebody changed in the file', async () => {
    await changeRow(two.databaseFile, {
      sql: 'UPDATE orders SET quantity = quantity + 1 WHERE seq = 317 AND origin = (SELECT id FROM replication_origin WHERE name = ?)',
      values: [origin],
    });
    const deep = await jsonOf<{ digest: string; expected: string; problems: unknown }>(
      fetch(`${two.url}/replication/digest?deep=1`),
    );
    expect(deep.problems).toEqual([
      { origin, seq: 317, what: expect.stringContaining('row 317 does not hash to its link') },
    ]);
    expect(deep.digest).not.toBe(deep.expected);
    const untouched = await jsonOf(fetch(`${one.url}/replication/digest?deep=1`));
    expect(untouched).toMatchObject({ problems: [], digest: deep.expected });
  });
});

describe('own rows that are not in the log yet', () => {
  afterEach(stopEverything);

  it('are shown to nobody who could build on them', async () => {
    const { url, broker } = await startReplica();
    await place(url);
    const { origin } = await untilStatus(
      url,
      'the first is published',
      ({ unpublished }) => unpublished === 0,
    );
    broker.setReachable(false);
    await place(url);
    await place(url);
    expect((await changes(url, `origin=${origin}`)).map(({ seq }) => seq)).toEqual([1]);
    broker.setReachable(true);
    await untilStatus(url, 'all are published', ({ unpublished }) => unpublished === 0);
    expect((await changes(url, `origin=${origin}`)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });
});
