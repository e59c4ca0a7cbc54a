import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ChangeEvent } from '../src/change-event.ts';
import { loadStalls, NOWHERE, resumeSchemaStalls, saveStall } from '../src/stalls.ts';
import { type DatabaseDescription, defineTable } from '../src/table.ts';
import {
  type ApplierBench,
  benchTopic,
  ForeignRun,
  MemoryBroker,
  note,
  notes,
  openApplierBench,
  originName,
  rawRecord,
  tags,
} from '../testing/index.ts';

let broker: MemoryBroker;
let bench: ApplierBench;
let a: ForeignRun;
let b: ForeignRun;

beforeEach(async () => {
  broker = new MemoryBroker({ isStepped: true, partitions: 2 });
  bench = await openApplierBench({ broker });
  a = new ForeignRun(originName('a'));
  b = new ForeignRun(originName('b'));
});
afterEach(() => bench.close());

const append = (partition: number, ...events: readonly (ChangeEvent | undefined)[]): void => {
  for (const event of events) if (event) broker.appendRaw(partition, rawRecord(event));
};
const write = (run: ForeignRun, count: number): ChangeEvent[] =>
  Array.from({ length: count }, () => run.write(note(`n${n++}`)));
let n = 0;
const seqOf = (run: ForeignRun, at = bench): number => at.origins.get(run.origin)?.seq ?? 0;
const stalled = (at = bench): string[] =>
  at.applier.stalls().map(({ origin, reason }) => `${origin} ${reason}`);

describe('a hole', () => {
  it('stalls its origin alone; others of the same partition go on', async () => {
    const [one, , three] = write(a, 3);
    append(0, one, ...write(b, 2), three, ...write(b, 2));
    await bench.readAll(0);
    expect([seqOf(a), seqOf(b), bench.applier.position(0).next]).toEqual([1, 4, 6]);
    expect(stalled()).toEqual([`${a.origin} hole`]);
  });

  it('is filled by a later event that fits; what was passed is read again', async () => {
    const [one, two, three, four] = write(a, 4);
    append(0, one, three, four);
    await bench.readAll(0);
    expect(seqOf(a)).toBe(1);
    append(0, ...write(b, 1), two);
    await bench.readAll(0);
    expect([seqOf(a), seqOf(b)]).toEqual([4, 1]);
    expect(stalled()).toEqual([]);
    expect(bench.applier.position(0).next).toBe(5);
    expect(await bench.database.reader.all('SELECT * FROM replication_stall')).toEqual([]);
  });

  it('is filled within one piece', async () => {
    const [one, two, three, four] = write(a, 4);
    append(0, one, four, three, two);
    await bench.readAll(0);
    expect([seqOf(a), stalled()]).toEqual([4, []]);
  });

  it('ends while another begins and ends behind it in one piece; both are read again', async () => {
    const [one, two, three, four, five] = write(a, 5);
    append(0, one, five);
    await bench.readAll(0);
    append(0, four, two, five, three);
    await bench.readAll(0);
    expect([seqOf(a), stalled()]).toEqual([5, []]);
  });

  it('that begins behind what is read again goes back to the first that waits for it', async () => {
    const [one, two, three, four, five] = write(a, 5);
    append(0, one, four);
    await bench.readAll(0);
    append(0, two, five);
    await bench.readAll(0);
    const stored = await loadStalls(bench.database.reader, benchTopic);
    expect(stored.get(a.origin)?.position.next).toBe(1);
    append(1, three);
    await bench.readAll(1);
    await bench.readAll(0);
    expect([seqOf(a), stalled()]).toEqual([5, []]);
  });

  it('is passed in two partitions, and both are read again when it ends', async () => {
    const [one, two, three, four] = write(a, 4);
    append(0, one, three);
    await bench.readAll(0);
    append(1, four);
    await bench.readAll(1);
    const stored = await loadStalls(bench.database.reader, benchTopic);
    expect(stored.get(a.origin)?.elsewhere).toMatchObject([{ partition: 1, position: { next: 0 } }]);
    append(0, two);
    await bench.readAll(0);
    expect([seqOf(a), bench.applier.position(1).next]).toEqual([3, 0]);
    await bench.readAll(1);
    expect([seqOf(a), stalled()]).toEqual([4, []]);
    expect(await bench.database.reader.all('SELECT * FROM replication_stall_place')).toEqual([]);
  });

  it('in a topic takes the place of what was stored of its origin in another one', async () => {
    const here = { partition: 0, position: { next: 1, bookmark: null } };
    const there = { partition: 1, position: { next: 2, bookmark: null } };
    const about = { origin: a.origin, reason: 'hole', schemaVersion: 1, since: 'then' } as const;
    const { reader, writer } = bench.database;
    await saveStall(writer, 'notes.before', { ...about, ...here, elsewhere: [there] });
    const anew = [
      { ...here, position: there.position },
      { ...there, position: here.position },
    ];
    const now = { ...about, ...there, partition: 2, since: 'now', elsewhere: anew };
    await saveStall(writer, benchTopic, now);
    expect([...(await loadStalls(reader, 'notes.before'))]).toEqual([]);
    const stored = await loadStalls(reader, benchTopic);
    expect(stored.get(a.origin)).toMatchObject(now);
  });

  it('is filled from another partition, and its own partition is read again', async () => {
    const [one, two, three] = write(a, 3);
    append(0, one, three);
    await bench.readAll(0);
    append(1, two);
    await bench.readAll(1);
    expect([seqOf(a), stalled()]).toEqual([2, []]);
    expect(bench.applier.position(0).next).toBe(1);
    await bench.readAll(0);
    expect(seqOf(a)).toBe(3);
  });

  it('whose filling leaves the next hole stalls at the next one', async () => {
    const [one, two, three, , five] = write(a, 5);
    append(0, one, three, five);
    await bench.readAll(0);
    append(0, two);
    await bench.readAll(0);
    expect([seqOf(a), stalled()]).toEqual([3, [`${a.origin} hole`]]);
    expect(bench.applier.stalls()[0]?.position.next).toBe(2);
  });

  it('is remembered over a restart, and ends there', async () => {
    const [one, two, three] = write(a, 3);
    append(0, one, three);
    await bench.readAll(0);
    const again = await openApplierBench({ broker, file: bench.file, own: originName('own', 2) });
    expect(stalled(again)).toEqual([`${a.origin} hole`]);
    append(0, two);
    await again.readAll(0);
    expect([seqOf(a, again), stalled(again)]).toEqual([3, []]);
    await again.close();
  });

  it('keeps its first place however much of the origin follows', async () => {
    const [one, , ...rest] = write(a, 9);
    append(0, one, ...rest);
    await bench.readAll(0, 2);
    expect(bench.applier.stalls()).toMatchObject([{ partition: 0, position: { next: 1 } }]);
    expect(bench.applier.counters.stalls).toBe(1);
  });
});

describe('an event of a newer schema', () => {
  const columns = notes.columns.extend({ colour: z.string().nullable() });
  const newer = { ...notes, columns, since: { colour: 2 } };
  const next: DatabaseDescription = { name: 'notes', version: 2, tables: [newer, tags] };
  const inVersion2 = { table: defineTable(newer), schemaVersion: 2 };

  /** The bench's directory with the next build on it. */
  const upgrade = async (): Promise<ApplierBench> => {
    const own = originName('own', 2);
    const upgraded = await openApplierBench({ broker, file: bench.file, own, description: next });
    const { stalls, positions, database } = upgraded;
    const connection = database.writer;
    await resumeSchemaStalls({ connection, topic: benchTopic, schemaVersion: 2, stalls, positions });
    return upgraded;
  };

  it('stalls its origin until a build that knows it reads on from there', async () => {
    const red = { ...note('red'), colour: 'red' };
    const old = a.write(note('old'));
    append(0, old, a.write(red, inVersion2), a.write(note('later')), ...write(b, 2));
    await bench.readAll(0);
    expect([seqOf(a), seqOf(b), stalled()]).toEqual([1, 2, [`${a.origin} schema`]]);

    const upgraded = await upgrade();
    expect([upgraded.applier.position(0).next, stalled(upgraded)]).toEqual([1, []]);
    await upgraded.readAll(0);
    expect([seqOf(a, upgraded), stalled(upgraded)]).toEqual([3, []]);
    expect(
      await upgraded.database.reader.all(
        'SELECT note_id, colour FROM notes WHERE note_id IN (?, ?, ?) ORDER BY seq',
        ['old', 'red', 'later'],
      ),
    ).toEqual([
      { note_id: 'old', colour: null },
      { note_id: 'red', colour: 'red' },
      { note_id: 'later', colour: null },
    ]);
    expect(upgraded.applier.counters).toMatchObject({ applied: 2, hidden: 0 });
    await upgraded.close();
  });

  it('that only a peer has makes a hole wait for the upgrade, and what the log has behind it is read then', async () => {
    const [one] = write(a, 1);
    const two = a.write(note('two'), inVersion2);
    const [three] = write(a, 1);
    append(0, one, three);
    await bench.readAll(0);
    const place = { partition: 0, position: { next: 1 } };
    expect(bench.applier.stalls()).toMatchObject([{ reason: 'hole', ...place }]);
    expect(await bench.applier.applyFromPeer([two])).toEqual({ applied: 0, isRewound: false });
    expect(bench.applier.stalls()).toMatchObject([{ reason: 'schema', schemaVersion: 2, ...place }]);

    const upgraded = await upgrade();
    await upgraded.readAll(0);
    expect(stalled(upgraded)).toEqual([`${a.origin} hole`]);
    expect(await upgraded.applier.applyFromPeer([two])).toEqual({ applied: 1, isRewound: true });
    await upgraded.readAll(0);
    expect([seqOf(a, upgraded), stalled(upgraded)]).toEqual([3, []]);
    await upgraded.close();
  });

  it('that comes too late to fill a hole is not forgotten: after the upgrade both are read', async () => {
    const [one] = write(a, 1);
    const two = a.write(note('two'), inVersion2);
    const [three] = write(a, 1);
    append(0, one, three, two);
    await bench.readAll(0);
    expect(stalled()).toEqual([`${a.origin} schema`]);
    const upgraded = await upgrade();
    await upgraded.readAll(0);
    expect([seqOf(a, upgraded), stalled(upgraded)]).toEqual([3, []]);
    await upgraded.close();
  });

  it('that a peer has and the log has not stalls its origin nowhere, until the log shows where', async () => {
    const one = a.write(note('one'), inVersion2);
    const [two] = write(a, 1);
    const events = two ? [one, two] : [];
    await bench.applier.applyFromPeer(events);
    await bench.applier.applyFromPeer(events);
    expect(bench.applier.stalls()).toMatchObject([{ reason: 'schema', partition: NOWHERE }]);
    expect(bench.applier.counters.stalls).toBe(1);
    append(1, ...write(b, 1), two);
    await bench.readAll(1);
    const place = { partition: 1, position: { next: 1 } };
    expect(bench.applier.stalls()).toMatchObject([{ reason: 'schema', schemaVersion: 2, ...place }]);
    const upgraded = await upgrade();
    await upgraded.applier.applyFromPeer([one]);
    await upgraded.readAll(1);
    expect([seqOf(a, upgraded), seqOf(b, upgraded), stalled(upgraded)]).toEqual([2, 1, []]);
    await upgraded.close();
  });

  it('stays stalled in a build that does not know it yet', async () => {
    append(0, a.write(note('x'), { schemaVersion: 3 }));
    await bench.readAll(0);
    const options = {
      connection: bench.database.writer,
      topic: benchTopic,
      stalls: bench.stalls,
      positions: bench.positions,
    };
    await resumeSchemaStalls({ ...options, schemaVersion: 2 });
    expect(stalled()).toEqual([`${a.origin} schema`]);
    expect(bench.applier.position(0).next).toBe(1);
  });
});
