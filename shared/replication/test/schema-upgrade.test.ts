/**
 * Upgrades with a schema change, on whole replicas: an old build is one whose description is of version 1. Everything
 * else in it is the library of today.
 */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Limits } from '../src/limits.ts';
import type { Replica } from '../src/replica.ts';
import { openConnection } from '../src/sqlite.ts';
import {
  MemoryCluster,
  MemoryPeers,
  newerNotesDatabase,
  note,
  notesDatabase,
  waitUntil,
} from '../testing/index.ts';

const OLD = notesDatabase;
const NEW = newerNotesDatabase;

let cluster: MemoryCluster;

beforeEach(() => {
  cluster = new MemoryCluster({ peers: new MemoryPeers() });
});
afterEach(() => cluster.close());

/** Starts a replica of a build on its own directory, in place of the one that runs there. */
async function start(id: string, description: typeof OLD, limits: Partial<Limits> = {}): Promise<Replica> {
  await cluster.stop(id);
  return cluster.live(id, { description, limits });
}

const insert = (replica: Replica, row: Record<string, unknown>): Promise<{ token: string }> =>
  replica.insert('notes', row, { concern: 'local' });

const writes = async (replica: Replica): Promise<number> => (await replica.status()).schema.writes;

async function untilWrites(version: number, ...replicas: Replica[]): Promise<void> {
  for (const replica of replicas) {
    await waitUntil(`it writes version ${version}`, async () => {
      const { schema } = await replica.status();
      return schema.writes === version || JSON.stringify(schema);
    });
  }
}

async function untilEqual(rows: number, ...replicas: Replica[]): Promise<void> {
  await waitUntil('all are equal', async () => {
    const all = await Promise.all(replicas.map((replica) => replica.status()));
    const isDone = all.every((one) => one.rows === rows && one.unpublished === 0 && one.stalled.length === 0);
    const isEqual = new Set(all.map(({ digest }) => digest)).size === 1;
    return (isDone && isEqual) || JSON.stringify(all.map((one) => [one.rows, one.unpublished, one.stalled]));
  });
  for (const replica of replicas) {
    const { digest, expected, problems } = await replica.deepCheck();
    expect({ digest, problems }).toEqual({ digest: expected, problems: [] });
  }
}

/** Versions of the stored rows, by count. */
async function versions(replica: Replica): Promise<Record<number, number>> {
  const rows = await replica.reads.all<{ version: number; rows: number }>(
    'SELECT schema_version AS version, count(*) AS rows FROM notes GROUP BY schema_version',
  );
  return Object.fromEntries(rows.map(({ version, rows: count }) => [version, count]));
}

describe('a rolling upgrade with a schema change', () => {
  it('goes replica by replica, back and forth, and ends in the newer version with every old row intact', async () => {
    let a = await start('a', OLD);
    let b = await start('b', OLD);
    await insert(a, note('a-old'));
    await insert(b, note('b-old'));
    await untilEqual(2, a, b);

    a = await start('a', NEW);
    await waitUntil('a has heard b', async () => {
      const { schema } = await a.status();
      return schema.waitsFor.some(({ schemaVersion }) => schemaVersion === 1) || JSON.stringify(schema);
    });
    expect((await a.status()).schema).toEqual({
      knows: 2,
      writes: 1,
      waitsFor: [{ replicaId: 'b', schemaVersion: 1 }],
    });
    await insert(a, note('a-mixed'));
    await insert(b, note('b-mixed'));
    await expect(insert(a, { ...note('no'), colour: 'red' })).rejects.toMatchObject({
      code: 'version-pending',
    });
    await untilEqual(4, a, b);

    a = await start('a', OLD);
    await insert(a, note('a-back'));
    await insert(b, note('b-back'));
    await untilEqual(6, a, b);
    expect(await versions(a)).toEqual({ 1: 6 });

    [a, b] = [await start('a', NEW), await start('b', NEW)];
    await untilWrites(2, a, b);
    await insert(a, { ...note('a-new'), colour: 'red' });
    await insert(b, note('b-new'));
    await untilEqual(8, a, b);
    expect(await versions(b)).toEqual({ 1: 6, 2: 2 });
    expect(await b.reads.all("SELECT colour FROM notes WHERE note_id = 'a-new'")).toEqual([
      { colour: 'red' },
    ]);

    const back = start('a', OLD);
    await expect(back).rejects.toMatchObject({ code: 'directory-refused' });
    await expect(back).rejects.toThrow(/rows of schema version 2.*knows versions up to 1/);
  });

  it('can be taken back after everybody was upgraded, as long as no row was written', async () => {
    await insert(await start('a', OLD), note('old'));
    const [a, b] = [await start('a', NEW), await start('b', NEW)];
    await untilWrites(2, a, b);
    const old = await start('a', OLD);
    await untilWrites(1, b);
    await insert(b, note('b-row'));
    await untilEqual(2, old, b);
    expect(await versions(old)).toEqual({ 1: 2 });
  });

  it('goes on in the newer version once a row of it is here, whoever turns up', async () => {
    const [a, b] = [await start('a', NEW), await start('b', NEW)];
    await untilWrites(2, a, b);
    await insert(a, note('new'));
    await untilEqual(1, a, b);
    const c = await start('c', OLD);
    await waitUntil('c is stalled', async () => (await c.status()).stalled.length === 1);
    expect([await writes(a), await writes(b)]).toEqual([2, 2]);
    const again = await start('b', NEW);
    expect(await writes(again)).toBe(2);
  });
});

describe('a row of a newer version that reaches an older build', () => {
  it('stalls its origin alone, skips nothing, and goes on after the upgrade', async () => {
    const a = await start('a', NEW);
    let b = await start('b', OLD);
    await insert(a, note('a1'));
    await untilEqual(1, a, b);
    await a.acceptSchema();
    expect(await writes(a)).toBe(2);
    await insert(a, { ...note('a2'), colour: 'red' });
    await insert(a, note('a3'));
    await insert(b, note('b1'));
    await waitUntil('b is stalled', async () => (await b.status()).stalled.length === 1);
    const status = await b.status();
    expect(status.stalled).toMatchObject([{ origin: a.origin, reason: 'schema', dismissed: false }]);
    expect(status.vector[a.origin]?.seq).toBe(1);
    expect(b.readiness().ready).toBe(true);
    await waitUntil('a has what b wrote', async () => (await a.status()).rows === 4);
    await insert(b, note('b2'));
    expect((await b.status()).rows).toBe(3);

    b = await start('b', NEW);
    await untilEqual(5, a, b);
    expect(await b.reads.all('SELECT note_id, colour FROM notes WHERE colour IS NOT NULL')).toEqual([
      { note_id: 'a2', colour: 'red' },
    ]);
  });
});

describe('a row of a newer version that only a peer has', () => {
  /** A newer and an older build; while the older one was away, the log lost what the newer one wrote last. */
  async function withRowLost(last: 'is lost' | 'is there'): Promise<[Replica, Replica]> {
    // Its writer must not find the loss itself, or it would publish the row again.
    const a = await start('a', NEW, { landmarkMs: 1e9 });
    const b = await start('b', OLD);
    await insert(a, note('a1'));
    await untilEqual(1, a, b);
    await cluster.stop('b');
    await a.acceptSchema();
    await insert(a, { ...note('a2'), colour: 'red' });
    if (last === 'is there') await insert(a, note('a3'));
    await waitUntil('all is in the log', async () => (await a.status()).unpublished === 0);
    const partition = cluster.usedPartition();
    cluster.broker.appendRaw(partition, { key: null, value: Buffer.from('a stranger'), headers: {} });
    await waitUntil('it has passed the stranger', async () => (await a.status()).quarantined === 1);
    cluster.broker.alter(partition, 1, { value: Buffer.from('not what was written') });
    return [a, await start('b', OLD)];
  }

  it.each([
    ['makes a hole', 'is there', { partition: expect.any(Number), offset: 2 }] as const,
    ['leaves no trace in the log', 'is lost', { partition: null, offset: null }] as const,
  ])(
    'where its loss %s: is waited for, never dismissed, and there after the upgrade',
    async (_, last, place) => {
      const [a, b] = await withRowLost(last);
      await waitUntil('b waits for the upgrade', async () => {
        const { stalled } = await b.status();
        expect(stalled.every(({ dismissed }) => !dismissed)).toBe(true);
        return stalled[0]?.reason === 'schema' || JSON.stringify(stalled);
      });
      expect((await b.status()).stalled).toMatchObject([
        { origin: a.origin, reason: 'schema', schemaVersion: 2, dismissed: false, ...place },
      ]);
      expect(b.readiness().ready).toBe(true);
      await untilEqual(last === 'is there' ? 3 : 2, a, await start('b', NEW));
    },
  );
});

describe('the word of an operator', () => {
  it('is remembered in the database, and forgotten by a build that does not know the version', async () => {
    await start('b', OLD);
    let a = await start('a', NEW);
    expect(await a.acceptSchema()).toEqual({ schemaVersion: 2 });
    a = await start('a', NEW);
    expect(await writes(a)).toBe(2);
    await start('a', OLD);
    a = await start('a', NEW);
    expect(await writes(a)).toBe(1);
  });
});

describe('a new replica among builds of two versions', () => {
  const preferSnapshot = { snapshotMinRecords: 1 };

  it('of the newer build takes the snapshot of an older one, stalls included, and reads on', async () => {
    const a = await start('a', NEW);
    const b = await start('b', OLD);
    await insert(b, note('b1'));
    await a.acceptSchema();
    await insert(a, { ...note('a1'), colour: 'red' });
    await waitUntil('b is stalled', async () => (await b.status()).stalled.length === 1);
    await waitUntil('a is quiet', async () => (await a.status()).unpublished === 0);
    await cluster.stop('a');
    await waitUntil('a is gone', async () => (await b.status()).state === 'live');
    const c = await start('c', NEW, preferSnapshot);
    await waitUntil('c has it all', async () => {
      const { rows, stalled } = await c.status();
      return (rows === 2 && stalled.length === 0) || JSON.stringify([rows, stalled]);
    });
    expect((await c.status()).counters.applied).toBe(1);
    expect((await c.deepCheck()).problems).toEqual([]);
    expect(await writes(c)).toBe(2);
  });

  it('of the older build takes the snapshot of a newer one as long as no row is newer', async () => {
    const a = await start('a', NEW);
    await insert(a, note('a1'));
    await waitUntil('it is in the log', async () => (await a.status()).unpublished === 0);
    const b = await start('b', OLD, preferSnapshot);
    await untilEqual(1, a, b);
    expect((await b.status()).counters.applied).toBe(0);
    await a.acceptSchema();
    await insert(a, note('a2'));
    await waitUntil('it is in the log, too', async () => (await a.status()).unpublished === 0);
    const snapshot = await a.snapshot();
    expect(snapshot.manifest.schemaVersion).toBe(2);
    await snapshot.remove();
    const c = await start('c', OLD, preferSnapshot);
    await waitUntil('c has what it can read', async () => {
      const { rows, stalled } = await c.status();
      return (rows === 1 && stalled[0]?.reason === 'schema') || JSON.stringify([rows, stalled]);
    });
  });
});

it('a value in a row that was written before there was such a column is found by the deep check', async () => {
  const a = await start('a', NEW);
  await insert(a, note('a1'));
  await untilEqual(1, a);
  const connection = await openConnection(join(cluster.folder('a'), 'notes.db'));
  await connection.run("UPDATE notes SET colour = 'planted'");
  await connection.close();
  const { problems } = await a.deepCheck();
  expect(problems).toMatchObject([
    { origin: a.origin, seq: 1, what: expect.stringContaining('notes.colour') },
  ]);
});
