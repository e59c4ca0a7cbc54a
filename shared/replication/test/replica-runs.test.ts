/**
 * What happens from one run of a replica to the next: restarts, copies put back, directories copied, new replicas.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replicaOf } from '../src/origin.ts';
import type { Replica } from '../src/replica.ts';
import { openConnection } from '../src/sqlite.ts';
import {
  type ClusterReplicaOptions,
  ForeignRun,
  MemoryBroker,
  MemoryCluster,
  note,
  notesDatabase,
  originName,
  rawRecord,
  untilLive,
  waitUntil,
} from '../testing/index.ts';

let cluster: MemoryCluster;

beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

async function write(replica: Replica, ...ids: string[]): Promise<void> {
  await Promise.all(ids.map((id) => replica.insert('notes', note(id), { concern: 'local' })));
}
async function settled(rows: number, ...replicas: Replica[]): Promise<void> {
  await waitUntil('all are equal and published', async () => {
    const all = await Promise.all(replicas.map((replica) => replica.status()));
    const isDone = all.every((status) => status.rows === rows && status.unpublished === 0);
    return (
      (isDone && new Set(all.map(({ digest }) => digest)).size === 1) ||
      JSON.stringify(all.map(({ state, rows: found, unpublished }) => [state, found, unpublished]))
    );
  });
  for (const replica of replicas) expect((await replica.deepCheck()).problems).toEqual([]);
}

describe('a restart', () => {
  it('is a new origin, and what the one before had not published goes out under the old name', async () => {
    const b = await cluster.live('b');
    const first = await cluster.live('a');
    await write(first, 'n1', 'n2');
    cluster.broker.setReachable(false);
    await write(first, 'n3', 'n4');
    await cluster.stop(first);
    cluster.broker.setReachable(true);
    const second = await cluster.live('a');
    expect(second.origin).not.toBe(first.origin);
    await write(second, 'n5');
    await settled(5, second, b);
    expect(b.vector()[first.origin]?.seq).toBe(4);
    expect(b.vector()[second.origin]?.seq).toBe(1);
  });

  it('that takes nothing new leaves no trace of itself', async () => {
    const first = await cluster.live('a');
    await write(first, 'n1');
    await cluster.stop(first);
    for (let i = 0; i < 3; i += 1) await cluster.stop(await cluster.live('a'));
    const last = await cluster.live('a');
    expect(Object.keys(last.vector())).toEqual([first.origin]);
  });
});

describe('an older copy of the directory put back', () => {
  it('numbers nothing twice, and its own newer rows come back from the log', async () => {
    const b = await cluster.live('b');
    const first = await cluster.live('a');
    await write(first, 'n1', 'n2');
    await settled(2, first, b);
    await cluster.stop(first);
    cpSync(cluster.folder('a'), cluster.folder('backup'), { recursive: true });
    const second = await cluster.live('a');
    await write(second, 'n3', 'n4');
    await settled(4, second, b);
    await cluster.stop(second);

    rmSync(cluster.folder('a'), { recursive: true });
    cpSync(cluster.folder('backup'), cluster.folder('a'), { recursive: true });
    const third = await cluster.live('a');
    await write(third, 'n5');
    await settled(5, third, b);
    expect(await third.reads.all('SELECT note_id FROM notes ORDER BY note_id')).toHaveLength(5);
    const names = cluster.broker.allRecords().map(({ headers }) => `${headers.ce_origin}:${headers.ce_seq}`);
    expect(new Set(names).size).toBe(5);
  });

  it('taken before the rows were published, with the log away at the start, is harmless, too', async () => {
    const b = await cluster.live('b');
    const first = await cluster.live('a');
    await write(first, 'n0');
    await settled(1, first, b);
    cluster.broker.setReachable(false);
    await write(first, 'n1', 'n2');
    await cluster.stop(first);
    cpSync(cluster.folder('a'), cluster.folder('backup'), { recursive: true });
    cluster.broker.setReachable(true);
    const second = await cluster.live('a');
    await settled(3, second, b);
    await write(second, 'n3');
    await settled(4, second, b);
    await cluster.stop(second);

    rmSync(cluster.folder('a'), { recursive: true });
    cpSync(cluster.folder('backup'), cluster.folder('a'), { recursive: true });
    cluster.broker.setReachable(false);
    const third = await cluster.live('a');
    await write(third, 'n4');
    cluster.broker.setReachable(true);
    await settled(5, third, b);
  });
});

describe('a directory', () => {
  it('of a build that did not have the tables and columns that came later is no damage, and gets them', async () => {
    const first = await cluster.live('a');
    await write(first, 'n1');
    await settled(1, first);
    await cluster.stop(first);
    const connection = await openConnection(join(cluster.folder('a'), 'notes.db'));
    await connection.run('DROP TABLE replication_acknowledged');
    for (const name of ['landmark', 'landmark_offset'])
      await connection.run(`ALTER TABLE replication_position DROP COLUMN ${name}`);
    await connection.close();
    const again = await cluster.live('a');
    expect(again.vector()[first.origin]?.seq).toBe(1);
    expect((await again.status()).damage).toMatchObject({ state: 'none', last: null });
    expect(await again.reads.all('SELECT * FROM replication_acknowledged')).toEqual([]);
  });

  it('whose lock was taken away is written to no more', async () => {
    const { replica, failures } = await cluster.start('a');
    await untilLive(replica);
    await write(replica, 'n1');
    rmSync(join(cluster.folder('a'), 'lock.db'));
    await expect(write(replica, 'n2')).rejects.toMatchObject({ code: 'lock-lost' });
    expect(failures).toMatchObject([{ code: 'lock-lost' }]);
    expect(await replica.reads.all('SELECT note_id FROM notes')).toEqual([{ note_id: 'n1' }]);
  });

  it('that is in use is refused at once and names the holder', async () => {
    await cluster.live('a');
    const startedMs = performance.now();
    await expect(cluster.start('a')).rejects.toMatchObject({
      code: 'directory-locked',
      message: expect.stringContaining(`a (pid ${process.pid})`),
    });
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });

  it.each<[string, ClusterReplicaOptions, RegExp]>([
    ['replica id', { replicaId: 'x' }, /belongs to replica a, not x/],
    ['cluster', { cluster: 'x' }, /belongs to cluster test, not x/],
    [
      'newer build with a row of its own',
      { description: { ...notesDatabase, version: 0 } },
      /schema version 1/,
    ],
  ])('of another %s is refused in plain words, and is free afterwards', async (_, options, words) => {
    const first = await cluster.live('a');
    await write(first, 'n1');
    await cluster.stop(first);
    const refused = cluster.start('a', options);
    await expect(refused).rejects.toMatchObject({ code: 'directory-refused' });
    await expect(refused).rejects.toThrow(words);
    await cluster.live('a');
  });

  it('copied while its rows wait for the log gives each row once, whoever publishes it', async () => {
    const first = await cluster.live('a');
    cluster.broker.setReachable(false);
    await write(first, 'n1', 'n2', 'n3');
    await cluster.stop(first);
    cpSync(cluster.folder('a'), cluster.folder('copy'), { recursive: true });
    cluster.broker.setReachable(true);
    const one = await cluster.live('a');
    const two = await cluster.live('a', {
      directory: cluster.folder('copies'),
      file: join(cluster.folder('copy'), 'notes.db'),
    });
    expect(replicaOf(one.origin)).toBe(replicaOf(two.origin));
    await write(one, 'n4');
    await write(two, 'n5');
    await settled(5, one, two);
  });
});

describe('a new replica', () => {
  it('is built by reading the log', async () => {
    const [a, b] = [await cluster.live('a'), await cluster.live('b')];
    await write(a, ...Array.from({ length: 40 }, (_, i) => `a${i}`));
    await write(b, ...Array.from({ length: 30 }, (_, i) => `b${i}`));
    await a.insert('tags', { tag: 'red', created_at: '2026-01-02T03:04:05Z' }, { concern: 'local' });
    await settled(71, a, b);
    const c = await cluster.live('c');
    await settled(71, a, b, c);
    expect(await c.reads.all('SELECT tag FROM tags')).toEqual([{ tag: 'red' }]);
  });

  it('is not live before it has everything that the log held at the start, and takes no writes until then', async () => {
    const stranger = new ForeignRun(originName('z'));
    cluster.broker = new MemoryBroker({ isStepped: true, maxRecords: 10 });
    for (let i = 0; i < 35; i += 1) cluster.broker.appendRaw(0, rawRecord(stranger.write(note(`z${i}`))));
    const { replica } = await cluster.start('c');
    await waitUntil('it reads', async () => {
      await cluster.broker.step();
      return (await replica.status()).rows > 0;
    });
    expect(replica.readiness()).toEqual({ ready: false, reasons: ['state is bootstrapping'] });
    await expect(write(replica, 'early')).rejects.toMatchObject({ code: 'not-ready' });
    await waitUntil('it is ready', async () => {
      await cluster.broker.step();
      return replica.readiness().ready;
    });
    expect((await replica.status()).rows).toBe(35);
  });

  it('is stopped with a plain error where the log does not start at 0 and nobody has a copy', async () => {
    const stranger = new ForeignRun(originName('z'));
    for (let i = 0; i < 9; i += 1) cluster.broker.appendRaw(1, rawRecord(stranger.write(note(`z${i}`))));
    cluster.broker.retain(1, 4);
    const { replica } = await cluster.start('c');
    await waitUntil('it stops', async () => (await replica.status()).state === 'stopped');
    expect((await replica.status()).stopReason).toMatch(/starts at 4.*empty replica/);
    expect(replica.readiness().ready).toBe(false);
    expect((await replica.status()).rows).toBe(0);
    await expect(write(replica, 'n1')).rejects.toMatchObject({ code: 'stopped' });
  });
});

describe('a copy of this very process', () => {
  it('that has written in its name ends this one, once, with the code "fork"', async () => {
    const { replica, failures } = await cluster.start('a');
    await waitUntil('it is live', () => replica.readiness().ready);
    const copy = new ForeignRun(replica.origin);
    cluster.broker.appendRaw(0, rawRecord(copy.write(note('theirs'))));
    await waitUntil('it fails', () => failures.length > 0);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatchObject({ code: 'fork' });
    expect((await replica.status()).rows).toBe(0);
  });
});
