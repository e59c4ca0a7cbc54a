/**
 * The reader that a replica keeps on its log, seen from outside: it breaks off, stands still, jumps ahead or lags.
 * Whatever happens, nothing may be skipped.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { policies } from '../src/backoff.ts';
import type { ChangeLog } from '../src/change-log.ts';
import { LOOKS } from '../src/log-guard.ts';
import type { Replica } from '../src/replica.ts';
import {
  ForeignRun,
  MemoryBroker,
  MemoryCluster,
  note,
  originName,
  rawRecord,
  untilRow,
  waitUntil,
  wrappedLog,
  wrappedReads,
} from '../testing/index.ts';

let cluster: MemoryCluster;
let broker: MemoryBroker;

beforeEach(() => {
  broker = new MemoryBroker({ partitions: 1 });
  cluster = new MemoryCluster({ broker });
});
afterEach(() => cluster.close());

const live = (id: string, wrapLog?: (log: ChangeLog) => ChangeLog): Promise<Replica> =>
  cluster.live(id, { limits: { standstillMs: 5000 }, ...(wrapLog ? { wrapLog } : {}) });
const stranger = () => new ForeignRun(originName('z'));

describe('a reader', () => {
  it('that breaks off is replaced, and goes on where it was', async () => {
    const replica = await live('a');
    const run = stranger();
    cluster.append(run, 'n1', 'n2');
    await untilRow(replica, run.origin, 2);
    broker.breakReaders();
    cluster.append(run, 'n3');
    await untilRow(replica, run.origin, 3);
    expect((await replica.status()).counters).toMatchObject({ readersReplaced: 1, duplicates: 0 });
  });

  it('that breaks off again and again is replaced ever more slowly', async () => {
    const startedAtMs: number[] = [];
    let isBroken = false;
    const replica = await live('a', (log) =>
      wrappedLog(log, {
        follow: async (reader) => {
          startedAtMs.push(cluster.clock.monotonic());
          if (!isBroken) return log.follow(reader);
          const following = await wrappedReads(log, async () => 'seek').follow(reader);
          reader.broke(new Error('the reader crashed'));
          return following;
        },
      }),
    );
    const run = stranger();
    isBroken = true;
    broker.breakReaders();
    cluster.append(run, 'n1');
    await waitUntil('several were tried', () => startedAtMs.length >= 7);
    const waits = startedAtMs.slice(1).map((atMs, i) => atMs - (startedAtMs[i] ?? 0));
    const { firstMs, factor } = policies.reader;
    // The first break may not count, as nothing is behind yet: five do. Chance takes off a fifth at most, and that
    // is still more than the second after which the link looks anyway.
    expect(waits.at(-1)).toBeGreaterThanOrEqual(firstMs * factor ** 4 * 0.8);
    isBroken = false;
    await untilRow(replica, run.origin, 1);
  });

  it('that stands still below the end is replaced, and until it moves the replica is not ready', async () => {
    let isDeaf = false;
    const replica = await live('a', (log) =>
      wrappedReads(log, async (read, reader) => (isDeaf ? 'go on' : reader.take(read))),
    );
    const run = stranger();
    cluster.append(run, 'n1');
    await untilRow(replica, run.origin, 1);
    isDeaf = true;
    cluster.append(run, 'n2');
    await waitUntil('it is replaced', async () => {
      const { readersReplaced } = (await replica.status()).counters;
      return readersReplaced > 0;
    });
    expect(replica.readiness().ready).toBe(false);
    expect(replica.readiness().reasons[0]).toMatch(/nothing of it arrives/);
    isDeaf = false;
    await untilRow(replica, run.origin, 2);
    await waitUntil('it is ready', () => replica.readiness().ready);
  });

  it('that jumps ahead is never followed: what lies between is read', async () => {
    let jumps = 1;
    const replica = await live('a', (log) =>
      wrappedReads(log, (read, reader) => {
        const [first] = read.records;
        if (jumps === 0 || !first) return reader.take(read);
        jumps -= 1;
        return reader.take({ ...read, from: read.from + 1, records: read.records.slice(1) });
      }),
    );
    const run = stranger();
    cluster.append(run, 'n1', 'n2', 'n3');
    await untilRow(replica, run.origin, 3);
    expect((await replica.status()).counters).toMatchObject({ applied: 3, stalls: 0, relinks: 0 });
  });
});

describe('a topic that is given more partitions', () => {
  it('is read whole: the new ones, too, from their start', async () => {
    const replica = await live('a');
    const run = stranger();
    cluster.append(run, 'n1');
    await untilRow(replica, run.origin, 1);
    broker.grow(4);
    broker.appendRaw(3, rawRecord(run.write(note('n2'))));
    await untilRow(replica, run.origin, 2);
    await replica.insert('notes', note('own'), { concern: 'log' });
    await waitUntil('it knows of all', async () => (await replica.status()).positions.length === 4);
    expect((await replica.status()).counters.relinks).toBe(0);
  });
});

describe('a row of this very run that it never wrote', () => {
  it('ends the reading, once and for all', async () => {
    let takes = 0;
    const { replica, failures } = await cluster.start('a', {
      wrapLog: (log) =>
        wrappedReads(log, (read, reader) => {
          takes += 1;
          return reader.take(read);
        }),
    });
    await waitUntil('it is live', () => replica.readiness().ready);
    cluster.append(new ForeignRun(replica.origin), 'theirs');
    await waitUntil('it fails', () => failures.length > 0);
    for (let turn = 0; turn < 200; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
    expect(failures).toMatchObject([{ code: 'fork' }]);
    expect(takes).toBeLessThan(5);
  });
});

describe('a lost tail after which nothing comes', () => {
  it('is published again by the replica that wrote it', async () => {
    const replica = await live('a', (log) =>
      // The reader is so slow that the tail is gone before it comes to it.
      wrappedReads(log, async (read, reader) => (isTailLost ? reader.take(read) : 'seek')),
    );
    let isTailLost = false;
    await replica.insert('notes', note('n1'), { concern: 'log' });
    broker.truncate(0, 0);
    isTailLost = true;
    await waitUntil('it is there again', async () => (await replica.status()).unpublished === 0);
    expect(broker.allRecords()).toHaveLength(1);
  });
});

describe('an answer about the ends that the reader overtakes on its way', () => {
  it('is no sign of another log, however often it comes', async () => {
    const run = stranger();
    let overtaken = 0;
    let reader: Replica | undefined;
    const replica = await live('a', (log) =>
      wrappedLog(log, {
        offsets: async () => {
          const offsets = await log.offsets();
          if (reader) {
            overtaken += 1;
            cluster.append(run, `n${overtaken}`);
            await untilRow(reader, run.origin, overtaken);
          }
          return offsets;
        },
      }),
    );
    reader = replica;
    await waitUntil('it has looked often', () => overtaken >= 3 * LOOKS);
    expect((await replica.status()).counters).toMatchObject({ relinks: 0, stalls: 0 });
  });
});
