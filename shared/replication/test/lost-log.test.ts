/**
 * A log that has lost what it held, all of it or a part: it is filled again from what replicas have, and nothing is
 * lost or doubled on them.
 */
import { createReadStream, createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeLog } from '../src/change-log.ts';
import { ReplicationError } from '../src/errors.ts';
import type { Replica } from '../src/replica.ts';
import { receiveSnapshot, snapshotBytes } from '../src/snapshot-stream.ts';
import {
  MemoryBroker,
  MemoryCluster,
  MemoryPeers,
  untilLive,
  waitUntil,
  wrappedLog,
} from '../testing/index.ts';
import { expectEqual, insertNotes, untilPublished } from '../testing/note-replicas.ts';

let cluster: MemoryCluster;

beforeEach(() => {
  cluster = new MemoryCluster({ peers: new MemoryPeers() });
});
afterEach(() => cluster.close());

/** What the log holds of each origin, as a prefix. */
function logged(): Map<string, number> {
  const prefix = new Map<string, number>();
  for (let partition = 0; partition < cluster.broker.partitions; partition += 1) {
    for (const { headers } of cluster.broker.records(partition)) {
      const origin = String(headers.ce_origin);
      const seq = Number(headers.ce_seq);
      if (seq === (prefix.get(origin) ?? 0) + 1) prefix.set(origin, seq);
    }
  }
  return prefix;
}

const rowsLogged = (): number => [...logged().values()].reduce((x, y) => x + y, 0);
const untilLogHolds = (rows: number): Promise<void> =>
  waitUntil('the log holds everything again', () => rowsLogged() === rows);

describe('when the log is deleted and made anew', () => {
  it('every row is published again, in order, and nothing is lost or doubled', async () => {
    const [a, b, c] = await cluster.allLive('a', 'b', 'c');
    await insertNotes(a, 'a', 30);
    await insertNotes(b, 'b', 20);
    await expectEqual(50, a, b, c);
    cluster.broker.recreate();
    await insertNotes(c, 'c', 10);
    await expectEqual(60, a, b, c);
    await untilLogHolds(60);
    expect((await a.status()).counters.relinks).toBeGreaterThan(0);
  });

  it('the rows of a replica that is gone for good come back, too', async () => {
    const [a, b, c] = await cluster.allLive('a', 'b', 'c');
    await insertNotes(a, 'a', 30);
    await insertNotes(b, 'b', 5);
    await expectEqual(35, a, b, c);
    await cluster.lose('a');
    cluster.broker.recreate();
    await untilLogHolds(35);
    const [d] = await cluster.allLive('d');
    await expectEqual(35, b, c, d);
  });

  it('the rows of a replica that is gone come back also when the log is lost again before they were read', async () => {
    const [a] = await cluster.allLive('a');
    let losses = 0;
    const losing = (log: ChangeLog): ChangeLog =>
      wrappedLog(log, {
        append: async (partition, records) => {
          const appended = await log.append(partition, records);
          if (losses === 1 && records.some(({ headers }) => String(headers.ce_origin) === a.origin)) {
            losses += 1;
            cluster.broker.recreate();
          }
          return appended;
        },
      });
    const { replica: b } = await cluster.start('b', { wrapLog: losing });
    await waitUntil('b is live', async () => (await b.status()).state === 'live');
    await insertNotes(a, 'a', 12);
    await insertNotes(b, 'b', 3);
    await expectEqual(15, a, b);
    await cluster.lose('a');
    losses = 1;
    cluster.broker.recreate();
    await waitUntil('the log holds everything again, after another loss', () => {
      const held = rowsLogged();
      return (losses === 2 && held === 15) || `${held} rows after ${losses} losses`;
    });
  });

  it('is told by the landmark of the life before, where everybody was started again before it was looked at', async () => {
    // Nobody looks at the landmark before the restart: what is asked of the log after the first contact waits for it.
    const stopped = Promise.withResolvers<void>();
    let asked = 0;
    const blind = (log: ChangeLog): ChangeLog =>
      wrappedLog(log, {
        offsets: async () => {
          asked += 1;
          if (asked > 1) await stopped.promise;
          return log.offsets();
        },
      });
    // After it, once: at the start.
    const limits = { landmarkMs: 1e9 };
    const { replica: a } = await cluster.start('a', { limits, wrapLog: blind });
    await untilLive(a);
    for (const few of ['a', 'b', 'c']) {
      await insertNotes(a, few, 4);
      await untilPublished(a);
    }
    const partition = cluster.usedPartition();
    const old = cluster.broker.records(partition).slice(-3);
    const end = cluster.broker.bounds(partition).end + 3;
    cluster.broker.recreate();
    for (let i = 0; i < end; i += 1) cluster.broker.appendRaw(partition, old[i % 3] as (typeof old)[number]);
    await waitUntil('it has read on', async () => (await a.status()).positions[partition]?.next === end);
    expect((await a.status()).counters.relinks).toBe(0);
    stopped.resolve();
    await cluster.stop('a');
    const again = await cluster.live('a', { limits });
    await untilLogHolds(12);
    await expectEqual(12, again);
  });

  it('what the old log had acknowledged does not count as never acknowledged, not even after a restart', async () => {
    let isFilled = true;
    const standing = (log: ChangeLog): ChangeLog =>
      wrappedLog(log, {
        append: async (partition, records) => {
          if (isFilled) return log.append(partition, records);
          throw new ReplicationError({ code: 'log-unreachable', message: 'The log stands still.', hint: '' });
        },
      });
    const options = { limits: { maxUnpublished: 10 }, wrapLog: standing };
    const { replica: a } = await cluster.start('a', options);
    await waitUntil('a is live', async () => (await a.status()).state === 'live');
    for (const few of ['a', 'b', 'c']) {
      await insertNotes(a, few, 8);
      await untilPublished(a);
    }
    isFilled = false;
    cluster.broker.recreate();
    await waitUntil('it noticed', async () => (await a.status()).unpublished === 24);
    await cluster.stop('a');
    const { replica: again } = await cluster.start('a', options);
    await untilLive(again);
    for (let i = 0; i < 10; i += 1) await insertNotes(again, `later${i}`, 1);
    expect(await again.status()).toMatchObject({ unpublished: 34, writable: false });
    await expect(insertNotes(again, 'over', 1)).rejects.toMatchObject({ code: 'too-many-unpublished' });
    isFilled = true;
    await expectEqual(34, again);
    await untilLogHolds(34);
  });

  it('is readable, writable and ready meanwhile', async () => {
    const [a] = await cluster.allLive('a');
    await insertNotes(a, 'a', 10);
    await expectEqual(10, a);
    cluster.broker.recreate();
    await waitUntil('it noticed', async () => {
      expect(a.readiness().ready).toBe(true);
      await a.reads.all('SELECT 1 FROM notes');
      return (await a.status()).counters.relinks > 0;
    });
    await insertNotes(a, 'later', 3);
    await expectEqual(13, a);
  });
});

describe('when the log loses its tail', () => {
  it('what was lost is published again', async () => {
    const [a, b] = await cluster.allLive('a', 'b');
    await insertNotes(a, 'a', 40);
    await expectEqual(40, a, b);
    cluster.broker.truncate(cluster.usedPartition(), 25);
    await waitUntil('the log holds everything again', () => [...logged().values()][0] === 40);
    await expectEqual(40, a, b);
  });

  it('and new rows take the offsets, nothing is lost', async () => {
    const [a, b] = await cluster.allLive('a', 'b');
    await insertNotes(a, 'a', 40);
    await expectEqual(40, a, b);
    const partition = cluster.usedPartition();
    await cluster.stop('b');
    cluster.broker.truncate(partition, 25);
    await insertNotes(a, 'more', 30);
    const { replica: again } = await cluster.start('b');
    await expectEqual(70, a, again);
  });
});

describe('when retention has cut the log', () => {
  it('of another log, the first row that is found of a run does not stand for those before it', async () => {
    const { broker } = cluster;
    const [a, b] = await cluster.allLive('a', 'b');
    await insertNotes(a, 'a', 12);
    await expectEqual(12, a, b);
    await untilPublished(a, 'all is read back');
    const partition = cluster.usedPartition();
    const late = broker.records(partition).slice(-3);
    // The topic is made anew, an append that was under way comes first, and retention takes the start.
    broker.recreate();
    for (const { key, value, headers } of late) broker.appendRaw(partition, { key, value, headers });
    broker.retain(partition, 1);
    await waitUntil('the log has every row again', async () => {
      const seqs = new Set(broker.records(partition).map(({ headers }) => Number(headers.ce_seq)));
      const missing = Array.from({ length: 12 }, (_, i) => i + 1).filter((seq) => !seqs.has(seq));
      return missing.length === 0 || `rows ${missing.join(', ')} are missing`;
    });
    await untilPublished(a, 'all is read back');
    await expectEqual(12, a, b);
  });
});

describe('when a log made anew was filled and then cut before a replica looked', () => {
  /** `a` has written 12 rows and, while `c` is away, filled the new log, whose first 5 offsets are gone since. */
  async function cutBeforeSeen(): Promise<{ a: Replica; b: Replica; partition: number }> {
    const { broker } = cluster;
    const [a, b] = await cluster.allLive('a', 'b', 'c');
    await insertNotes(a, 'a', 12);
    await untilPublished(a);
    const partition = cluster.usedPartition();
    // Old events again, so that the old log ends beyond the new one.
    const last = broker.records(partition).slice(-1);
    for (const { key, value, headers } of last) broker.appendRaw(partition, { key, value, headers });
    await waitUntil('all have read it', async () => {
      const all = await Promise.all([...cluster.replicas()].map((replica) => replica.status()));
      return all.every(({ lag, rows }) => lag.records === 0 && rows === 12);
    });
    await cluster.stop('c');
    broker.recreate();
    await waitUntil('it is filled and read', async () => {
      const views = [a, b].map((replica) => replica.logged().published[a.origin] ?? 0);
      return (broker.records(partition).length === 12 && views.join() === '12,12') || views.join();
    });
    broker.retain(partition, 5);
    return { a, b, partition };
  }
  const untilSeen = (replica: Replica, origin: string): Promise<void> =>
    waitUntil('it knows that all of it was in the log', () => {
      const { published } = replica.logged();
      return published[origin] === 12 || JSON.stringify(published);
    });

  it('it learns from a peer that all was in it, and so does who is built from it', async () => {
    const { a, b, partition } = await cutBeforeSeen();
    const [c] = await cluster.allLive('c');
    expect((await c.status()).counters.relinks).toBe(1);
    await untilSeen(c, a.origin);
    await cluster.stop('b');
    const d = await cluster.live('d', { limits: { snapshotMinRecords: 1 } });
    await untilSeen(d, a.origin);
    await expectEqual(12, a, c, d);
    expect(cluster.broker.records(partition)).toHaveLength(7);
    expect(b.origin).toBeDefined();
  });

  it('rows of a replica that is gone are not published again either', async () => {
    const { a, b, partition } = await cutBeforeSeen();
    await cluster.lose('a');
    const [c] = await cluster.allLive('c');
    await untilSeen(c, a.origin);
    await expectEqual(12, b, c);
    expect(cluster.broker.records(partition)).toHaveLength(7);
  });

  it('with nobody left who has seen it, they are published again, and that ends', async () => {
    const { a, partition } = await cutBeforeSeen();
    await cluster.lose('a');
    await cluster.lose('b');
    const [c] = await cluster.allLive('c');
    await untilSeen(c, a.origin);
    expect(cluster.broker.records(partition)).toHaveLength(19);
  });
});

describe('when the topic and all disks are lost', () => {
  it('everything in a snapshot file is on every replica and in the log again', async () => {
    const [a, b] = await cluster.allLive('a', 'b');
    await insertNotes(a, 'a', 40);
    await insertNotes(b, 'b', 30);
    await expectEqual(70, a, b);
    const saved = join(cluster.path, 'saved.snapshot');
    const taken = await a.snapshot();
    await pipeline(snapshotBytes(taken), createWriteStream(saved));
    await taken.remove();
    for (const id of ['a', 'b']) await cluster.lose(id);
    cluster.broker = new MemoryBroker();
    mkdirSync(cluster.folder('c'));
    const manifest = await receiveSnapshot(createReadStream(saved), {
      file: join(cluster.folder('c'), 'notes.db'),
    });
    expect(manifest.rows).toBe(70);
    const { replica: c } = await cluster.start('c');
    const { replica: d } = await cluster.start('d');
    await untilLogHolds(70);
    await insertNotes(d, 'd', 5);
    await expectEqual(75, c, d);
  });
});

describe('when the batch that holds the bookmark cannot be decoded any more', () => {
  it('everything is read again, and what the log lacks is published again', async () => {
    const [a, b] = await cluster.allLive('a', 'b');
    await insertNotes(a, 'a', 10);
    await expectEqual(10, a, b);
    await cluster.stop('b');
    cluster.broker.makeUnreadable(cluster.usedPartition(), 7, 10);
    const { replica: again } = await cluster.start('b');
    await insertNotes(again, 'b', 3);
    await expectEqual(13, a, again);
    await untilLogHolds(13);
    expect((await again.status()).counters).toMatchObject({ quarantined: 1, relinks: 1 });
  });
});
