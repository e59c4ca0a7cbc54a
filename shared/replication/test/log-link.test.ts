/**
 * The link between a replica and its log, seen from outside: broken and standing readers, silent resets, a log that
 * is another one. Whatever happens, nothing may be skipped.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { policies } from '../src/backoff.ts';
import type { ChangeLog, LogReader } from '../src/change-log.ts';
import type { Replica } from '../src/replica.ts';
import { silentLogger, systemRandom } from '../src/surroundings.ts';
import {
  ForeignRun,
  fastClock,
  MemoryBroker,
  note,
  originName,
  rawRecord,
  startReplica,
  temporaryDirectory,
  waitUntil,
} from '../testing/index.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let broker: MemoryBroker;
let running: Set<Replica>;
const world = { clock: fastClock(20), random: systemRandom, logger: silentLogger, observe: () => undefined };
const stranger = () => new ForeignRun(originName('z'));

beforeEach(() => {
  directory = temporaryDirectory();
  broker = new MemoryBroker({ partitions: 1 });
  running = new Set();
});
afterEach(async () => {
  for (const replica of running) await replica.stop();
  directory.remove();
});

async function live(id: string, wrap: (log: ChangeLog) => ChangeLog = (log) => log): Promise<Replica> {
  const { log, channel } = broker.connect();
  const { replica } = await startReplica(id, {
    directory: directory.path,
    replication: { topic: 'notes.changes', log: wrap(log), channel },
    world,
    limits: { standstillMs: 5000 },
  });
  running.add(replica);
  await waitUntil(`${id} is live`, () => replica.readiness().ready);
  return replica;
}
async function stop(replica: Replica): Promise<void> {
  running.delete(replica);
  await replica.stop();
}
const seqOf = (replica: Replica, origin: string): number => replica.vector()[origin]?.seq ?? 0;
const arrives = (replica: Replica, origin: string, seq: number): Promise<void> =>
  waitUntil(
    `row ${seq} arrives`,
    () => seqOf(replica, origin) === seq || `${seqOf(replica, origin)} are here`,
  );
const append = (run: ForeignRun, ...ids: string[]): void => {
  for (const id of ids) broker.appendRaw(0, rawRecord(run.write(note(id))));
};

describe('a reader', () => {
  it('that breaks off is replaced, and goes on where it was', async () => {
    const replica = await live('a');
    const run = stranger();
    append(run, 'n1', 'n2');
    await arrives(replica, run.origin, 2);
    broker.breakReaders();
    append(run, 'n3');
    await arrives(replica, run.origin, 3);
    expect((await replica.status()).counters).toMatchObject({ readersReplaced: 1, duplicates: 0 });
  });

  it('that breaks off again and again is replaced ever more slowly', async () => {
    const startedAtMs: number[] = [];
    let isBroken = false;
    const replica = await live('a', (log) => ({
      ...bound(log),
      follow: async (reader: LogReader) => {
        startedAtMs.push(world.clock.monotonic());
        if (!isBroken) return log.follow(reader);
        const following = await log.follow({ ...wrapped(reader), take: async () => 'seek' });
        reader.broke(new Error('the reader crashed'));
        return following;
      },
    }));
    const run = stranger();
    isBroken = true;
    broker.breakReaders();
    append(run, 'n1');
    await waitUntil('several were tried', () => startedAtMs.length >= 7);
    const waits = startedAtMs.slice(1).map((atMs, i) => atMs - (startedAtMs[i] ?? 0));
    const { firstMs, factor } = policies.reader;
    // The first break may not count, as nothing is behind yet: five do. Chance takes off a fifth at most, and that
    // is still more than the second after which the link looks anyway.
    expect(waits.at(-1)).toBeGreaterThanOrEqual(firstMs * factor ** 4 * 0.8);
    isBroken = false;
    await arrives(replica, run.origin, 1);
  });

  it('that stands still below the end is replaced, and until it moves the replica is not ready', async () => {
    let isDeaf = false;
    const replica = await live('a', (log) => ({
      ...bound(log),
      follow: (reader: LogReader) =>
        log.follow({
          ...wrapped(reader),
          take: (read) => (isDeaf ? Promise.resolve('go on') : reader.take(read)),
        }),
    }));
    const run = stranger();
    append(run, 'n1');
    await arrives(replica, run.origin, 1);
    isDeaf = true;
    append(run, 'n2');
    await waitUntil('it is replaced', async () => {
      const { readersReplaced } = (await replica.status()).counters;
      return readersReplaced > 0;
    });
    expect(replica.readiness().ready).toBe(false);
    expect(replica.readiness().reasons[0]).toMatch(/nothing of it arrives/);
    isDeaf = false;
    await arrives(replica, run.origin, 2);
    await waitUntil('it is ready', () => replica.readiness().ready);
  });

  it('that jumps ahead is never followed: what lies between is read', async () => {
    let jumps = 1;
    const replica = await live('a', (log) => ({
      ...bound(log),
      follow: (reader: LogReader) =>
        log.follow({
          ...wrapped(reader),
          take: (read) => {
            const [first] = read.records;
            if (jumps === 0 || !first) return reader.take(read);
            jumps -= 1;
            return reader.take({ ...read, from: read.from + 1, records: read.records.slice(1) });
          },
        }),
    }));
    const run = stranger();
    append(run, 'n1', 'n2', 'n3');
    await arrives(replica, run.origin, 3);
    expect((await replica.status()).counters).toMatchObject({ applied: 3, stalls: 0, relinks: 0 });
  });
});

describe('a topic that is given more partitions', () => {
  it('is read whole: the new ones, too, from their start', async () => {
    const replica = await live('a');
    const run = stranger();
    append(run, 'n1');
    await arrives(replica, run.origin, 1);
    broker.grow(4);
    broker.appendRaw(3, rawRecord(run.write(note('n2'))));
    await arrives(replica, run.origin, 2);
    await replica.insert('notes', note('own'), { concern: 'log' });
    await waitUntil('it knows of all', async () => (await replica.status()).positions.length === 4);
    expect((await replica.status()).counters.relinks).toBe(0);
  });
});

describe('a row of this very run that it never wrote', () => {
  it('ends the reading, once and for all', async () => {
    let takes = 0;
    const failures: unknown[] = [];
    const { log, channel } = broker.connect();
    const counted: ChangeLog = {
      ...bound(log),
      follow: (reader: LogReader) =>
        log.follow({
          ...wrapped(reader),
          take: (read) => {
            takes += 1;
            return reader.take(read);
          },
        }),
    };
    const { replica } = await startReplica('a', {
      directory: directory.path,
      replication: { topic: 'notes.changes', log: counted, channel },
      world,
      failed: (error) => failures.push(error),
    });
    running.add(replica);
    await waitUntil('it is live', () => replica.readiness().ready);
    append(new ForeignRun(replica.origin), 'theirs');
    await waitUntil('it fails', () => failures.length > 0);
    for (let turn = 0; turn < 200; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
    expect(failures).toMatchObject([{ code: 'fork' }]);
    expect(takes).toBeLessThan(5);
  });
});

describe('a log that is not the one that was read before', () => {
  it('is noticed at the start although it is as long, and nothing of it is skipped', async () => {
    const first = await live('a');
    await Promise.all(['a1', 'a2', 'a3'].map((id) => first.insert('notes', note(id), { concern: 'log' })));
    await waitUntil('all is read back', async () => (await first.status()).unpublished === 0);
    await stop(first);
    const run = stranger();
    broker.recreate();
    append(run, 'n1', 'n2', 'n3', 'n4', 'n5');
    const second = await live('a');
    await arrives(second, run.origin, 5);
    await waitUntil(
      'its own rows are in the log again',
      async () => (await second.status()).unpublished === 0,
    );
    expect(seqOf(second, first.origin)).toBe(3);
    expect((await second.status()).counters.relinks).toBe(1);
    expect(broker.allRecords()).toHaveLength(8);
  });

  it.each([
    ['recreated', () => broker.recreate()],
    ['cut to nothing at its end', () => broker.truncate(0, 0)],
  ])(
    'is noticed without any outage when it was %s and refilled beyond the position between two reads',
    async (_, exchange) => {
      const replica = await live('a');
      await Promise.all(['a1', 'a2'].map((id) => replica.insert('notes', note(id), { concern: 'log' })));
      await waitUntil('all is read back', async () => (await replica.status()).unpublished === 0);
      // In one turn of the event loop, so that neither a read nor the guard falls in between.
      exchange();
      const run = stranger();
      append(run, 'n1', 'n2', 'n3', 'n4', 'n5');
      await waitUntil('it is noticed', async () => (await replica.status()).counters.relinks > 0);
      await arrives(replica, run.origin, 5);
      await waitUntil('its own rows are in the log again', () => broker.allRecords().length === 7);
      expect(replica.readiness().ready).toBe(true);
      expect((await replica.status()).counters.relinks).toBe(1);
    },
  );

  it('nothing is written to before it is known to be the same', async () => {
    const first = await live('a');
    await first.insert('notes', note('a1'), { concern: 'log' });
    await waitUntil('all is read back', async () => (await first.status()).unpublished === 0);
    broker.setReachable(false);
    await first.insert('notes', note('a2'), { concern: 'local' });
    await stop(first);
    broker.setReachable(true);
    broker.recreate();
    const foreign = { key: null, value: Buffer.from('not ours'), headers: {} };
    for (let i = 0; i < 5; i += 1) broker.appendRaw(0, foreign);

    const { log, channel } = broker.connect();
    const { replica } = await startReplica('a', {
      directory: directory.path,
      replication: { topic: 'notes.changes', log, channel },
      world,
    });
    running.add(replica);
    await waitUntil('it stops', async () => (await replica.status()).state === 'stopped');
    expect(broker.allRecords()).toHaveLength(5);
    expect(await replica.status()).toMatchObject({ rows: 2, quarantined: 0, writable: false });
    expect(replica.readiness().ready).toBe(false);
  });

  it('is not written to either when it took the place of ours during an outage', async () => {
    const replica = await live('a');
    await replica.insert('notes', note('a1'), { concern: 'log' });
    await waitUntil('all is read back', async () => (await replica.status()).unpublished === 0);
    broker.setReachable(false);
    await replica.insert('notes', note('a2'), { concern: 'local' });
    await waitUntil('it is noticed', async () => !(await replica.status()).logReachable);
    broker.recreate();
    for (let i = 0; i < 5; i += 1) broker.appendRaw(0, { key: null, value: Buffer.from('x'), headers: {} });
    broker.setReachable(true);
    await waitUntil('it stops', async () => {
      const status = await replica.status();
      return status.state === 'stopped' || JSON.stringify(status);
    });
    expect(broker.allRecords()).toHaveLength(5);
  });

  it("and is somebody else's is not touched by a new replica, either", async () => {
    for (let i = 0; i < 5; i += 1) broker.appendRaw(0, { key: null, value: Buffer.from('x'), headers: {} });
    const { log, channel } = broker.connect();
    const { replica } = await startReplica('a', {
      directory: directory.path,
      replication: { topic: 'notes.changes', log, channel },
      world,
    });
    running.add(replica);
    await waitUntil('it stops', async () => (await replica.status()).state === 'stopped');
    expect((await replica.status()).stopReason).toMatch(/somebody else/);
    expect(broker.allRecords()).toHaveLength(5);
  });
});

describe('a lost tail after which nothing comes', () => {
  it('is published again by the replica that wrote it', async () => {
    const replica = await live('a', (log) => ({
      ...bound(log),
      follow: (reader: LogReader) =>
        log.follow({
          ...wrapped(reader),
          // The reader is so slow that the tail is gone before it comes to it.
          take: (read) => (isTailLost ? reader.take(read) : Promise.resolve('seek')),
        }),
    }));
    let isTailLost = false;
    await replica.insert('notes', note('n1'), { concern: 'log' });
    broker.truncate(0, 0);
    isTailLost = true;
    await waitUntil('it is there again', async () => (await replica.status()).unpublished === 0);
    expect(broker.allRecords()).toHaveLength(1);
  });
});

function bound(log: ChangeLog): ChangeLog {
  return {
    open: () => log.open(),
    offsets: () => log.offsets(),
    append: (partition, records) => log.append(partition, records),
    follow: (reader) => log.follow(reader),
    close: () => log.close(),
  };
}

function wrapped(reader: LogReader): LogReader {
  return {
    startOf: (partition) => reader.startOf(partition),
    take: (read) => reader.take(read),
    broke: (error) => reader.broke(error),
  };
}
