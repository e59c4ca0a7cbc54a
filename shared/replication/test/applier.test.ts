import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeEvent } from '../src/change-event.ts';
import { openConnection } from '../src/sqlite.ts';
import type { Step } from '../src/surroundings.ts';
import {
  type ApplierBench,
  benchTopic,
  ForeignRun,
  MemoryBroker,
  note,
  openApplierBench,
  originName,
  rawRecord,
  waitUntil,
} from '../testing/index.ts';

let broker: MemoryBroker;
let bench: ApplierBench;
let run: ForeignRun;

beforeEach(() => {
  broker = new MemoryBroker({ isStepped: true, partitions: 2 });
  run = new ForeignRun(originName('a'));
});
afterEach(() => bench.close());

const append = (...events: ChangeEvent[]): void => {
  for (const event of events) broker.appendRaw(0, rawRecord(event));
};
const write = (...ids: string[]): ChangeEvent[] => ids.map((id) => run.write(note(id)));
const seqOf = (origin: string): number => bench.origins.get(origin)?.seq ?? 0;
const shown = async (): Promise<unknown[]> =>
  (await bench.database.reader.all('SELECT note_id FROM notes WHERE superseded = 0 ORDER BY note_id')).map(
    (row) => Object.values(row)[0],
  );

describe('applying', () => {
  it('stores rows, origin and position together, and tells who waits', async () => {
    bench = await openApplierBench({ broker });
    append(...write('n1', 'n2'));
    const arrived = bench.arrivals.wait(run.origin, 2, 1000);
    await bench.readAll(0);
    expect(await arrived).toBe(true);
    expect(await shown()).toEqual(['n1', 'n2']);
    expect(bench.applier.position(0).next).toBe(2);
    const [stored] = await bench.database.reader.all(
      'SELECT p.next, o.seq FROM replication_position p, replication_origin o WHERE p.topic = ?',
      [benchTopic],
    );
    expect(stored).toEqual({ next: 2, seq: 2 });
  });

  it.each<Step>(['apply:rows-inserted', 'apply:before-commit'])(
    'leaves neither rows nor position when the process dies at %s',
    async (crashAt) => {
      bench = await openApplierBench({
        broker,
        observe: (step) => {
          if (step === crashAt) throw new Error('crash');
        },
      });
      append(...write('n1'));
      await expect(bench.readAll(0)).rejects.toThrow('crash');
      expect(await shown()).toEqual([]);
      expect([bench.applier.position(0).next, seqOf(run.origin)]).toEqual([0, 0]);
      expect(await bench.database.reader.all('SELECT * FROM replication_position')).toEqual([]);
    },
  );

  it('drops old events that come again, whole stretches of them', async () => {
    bench = await openApplierBench({ broker });
    const events = write('n1', 'n2', 'n3', 'n4');
    append(...events, ...events, ...events.slice(1, 3));
    append(...write('n5'));
    await bench.readAll(0, 3);
    expect(await shown()).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
    expect(bench.applier.counters).toMatchObject({ applied: 5, duplicates: 6, quarantined: 0 });
  });

  it('puts what is no event of ours into quarantine with its place, and passes it', async () => {
    bench = await openApplierBench({ broker });
    broker.appendRaw(0, { key: null, value: Buffer.from('not JSON'), headers: {} });
    append(...write('n1'));
    broker.appendRaw(0, { key: null, value: null, headers: { ce_specversion: Buffer.from('1.0') } });
    await bench.readAll(0);
    expect(await shown()).toEqual(['n1']);
    const kept = await bench.database.reader.all(
      'SELECT partition, "offset" FROM replication_quarantine ORDER BY "offset"',
    );
    expect(kept).toEqual([
      { partition: 0, offset: 0 },
      { partition: 0, offset: 2 },
    ]);
    expect(bench.applier.position(0).next).toBe(3);
  });

  it('keeps a row that this build refuses hidden, and later ones of the origin arrive', async () => {
    bench = await openApplierBench({ broker });
    append(run.write(note('n1')), run.write(note('n2'), { bytes: Buffer.from('[]') }), run.write(note('n3')));
    await bench.readAll(0);
    expect(await shown()).toEqual(['n1', 'n3']);
    expect(seqOf(run.origin)).toBe(3);
    expect(bench.applier.counters.hidden).toBe(1);
    const origin = bench.origins.get(run.origin);
    if (!origin) return;
    const events = await bench.history.read(bench.database.reader, origin, { after: 0, upTo: 3, limit: 3 });
    expect(events.map(({ bytes }) => bytes.length)).toEqual([expect.any(Number), 2, expect.any(Number)]);
  });

  it('counts a stall once although its partition is read again, and says while what it let pass is read again', async () => {
    bench = await openApplierBench({ broker });
    const [first, second, third] = write('n1', 'n2', 'n3');
    if (!first || !second || !third) return;
    append(first, third);
    await bench.readAll(0);
    await bench.applier.startOver(
      new Map([
        [0, 0],
        [1, 0],
      ]),
    );
    await bench.readAll(0);
    expect([bench.applier.counters.stalls, bench.applier.isBack]).toEqual([1, false]);
    await bench.applier.applyFromPeer([second]);
    expect([seqOf(run.origin), bench.applier.isBack]).toEqual([2, true]);
    await bench.readAll(0);
    expect([seqOf(run.origin), bench.applier.isBack]).toEqual([3, false]);
  });

  it('ends the process on a fork of its own run', async () => {
    bench = await openApplierBench({ broker });
    append(new ForeignRun(bench.own.name).write(note('not mine')));
    await expect(bench.readAll(0)).rejects.toMatchObject({ code: 'fork', isRetryable: false });
    expect(await shown()).toEqual([]);
  });

  it('takes rows of two tables in one order', async () => {
    bench = await openApplierBench({ broker });
    const tags = bench.table('tags');
    const tag = { tag: 'red', created_at: '2026-01-02T03:04:05.678Z' };
    append(run.write(note('n1')), run.write(tag, { table: tags }), run.write(note('n2')));
    await bench.readAll(0);
    expect(await bench.database.reader.all('SELECT tag, seq FROM tags')).toEqual([{ tag: 'red', seq: 2 }]);
    expect(seqOf(run.origin)).toBe(3);
  });
});

describe('a database that cannot be written for a while', () => {
  it("is not the event's fault: it waits, longer each time, and applies it in the end", async () => {
    bench = await openApplierBench({ broker });
    append(...write('n1'));
    const other = await openConnection(bench.file);
    await other.execute('BEGIN IMMEDIATE');
    let hasEnded = false;
    const reading = bench.readAll(0).then(() => (hasEnded = true));
    for (let round = 0; round < 3; round += 1) {
      await waitUntil('the applier waits', () => bench.clock.waiting === 1);
      expect(hasEnded).toBe(false);
      if (round === 2) await other.execute('ROLLBACK');
      bench.clock.advance(2000);
    }
    await reading;
    await other.close();
    expect(await shown()).toEqual(['n1']);
    expect(bench.applier.counters).toMatchObject({ applied: 1, quarantined: 0 });
  });

  it('for want of room takes nothing from a peer by halves, and all of it once there is room', async () => {
    bench = await openApplierBench({ broker });
    const text = 'x'.repeat(9000);
    const events = Array.from({ length: 30 }, (_, i) => run.write({ ...note(`n${i + 10}`), text }));
    const [one, two, three] = events as [ChangeEvent, ChangeEvent, ChangeEvent];
    append(one, three);
    await bench.readAll(0);
    await bench.database.writer.execute('PRAGMA max_page_count = 50');
    const full = { code: 'disk-full', isRetryable: true };
    await expect(bench.applier.applyFromPeer([two, ...events.slice(2)])).rejects.toMatchObject(full);
    expect([seqOf(run.origin), bench.applier.stalls()[0]?.reason]).toEqual([1, 'hole']);
    expect(await shown()).toHaveLength(1);
    await bench.database.writer.execute('PRAGMA max_page_count = 100000');
    expect(await bench.applier.applyFromPeer(events.slice(1))).toEqual({ applied: 29, isRewound: true });
    await bench.readAll(0);
    expect([seqOf(run.origin), bench.applier.stalls()]).toEqual([30, []]);
    expect(bench.applier.counters).toMatchObject({ quarantined: 0, hidden: 0 });
  });

  it('for want of room goes on when there is room again', async () => {
    bench = await openApplierBench({ broker });
    const text = 'x'.repeat(9000);
    append(...Array.from({ length: 30 }, (_, i) => run.write({ ...note(`n${i + 10}`), text })));
    await bench.database.writer.execute('PRAGMA max_page_count = 50');
    const reading = bench.readAll(0, 5);
    await waitUntil('the applier waits', () => bench.clock.waiting === 1);
    expect(seqOf(run.origin)).toBeLessThan(30);
    await bench.database.writer.execute('PRAGMA max_page_count = 100000');
    bench.clock.advance(2000);
    await reading;
    expect(await shown()).toHaveLength(30);
  });
});
