import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ApplyPlan, planPiece } from '../src/apply-plan.ts';
import type { ChangeEvent } from '../src/change-event.ts';
import type { LogRecord } from '../src/change-log.ts';
import { START } from '../src/positions.ts';
import {
  type ApplierBench,
  ForeignRun,
  note,
  openApplierBench,
  originName,
  recordAt,
} from '../testing/index.ts';

let bench: ApplierBench;
let run: ForeignRun;

beforeEach(async () => {
  bench = await openApplierBench();
  run = new ForeignRun(originName('a'));
});
afterEach(() => bench.close());

const plan = (records: readonly LogRecord[]): Promise<ApplyPlan> =>
  planPiece({ partition: 0, position: START, records }, bench.planContext());
const planEvents = (...events: ChangeEvent[]): Promise<ApplyPlan> =>
  plan(events.map((event, offset) => recordAt(offset, event)));
const write = (count: number): ChangeEvent[] =>
  Array.from({ length: count }, (_, i) => run.write(note(`n${i + 1}`)));

/** What a plan comes to, in one line. */
function summary({ rows, hidden, quarantined, stalls, endedStalls, duplicates, echoes, lost }: ApplyPlan) {
  return {
    rows: rows.map(({ seq }) => seq),
    hidden: hidden.map(({ event }) => event.seq),
    quarantined: quarantined.map(({ record }) => record.offset),
    stalls: [...stalls.values()].map(({ reason, position }) => `${reason} at ${position.next}`),
    ended: endedStalls.size,
    duplicates,
    echoes,
    lost: lost.size,
  };
}
const nothing = {
  rows: [],
  hidden: [],
  quarantined: [],
  stalls: [],
  ended: 0,
  duplicates: 0,
  echoes: 0,
  lost: 0,
};

describe('a piece of the log', () => {
  it('is applied as far as it fits, and moves its origin to the last row', async () => {
    const [one, two, three] = write(3) as [ChangeEvent, ChangeEvent, ChangeEvent];
    const found = await planEvents(one, two, three);
    expect(summary(found)).toEqual({ ...nothing, rows: [1, 2, 3] });
    expect(found.origins.get(run.origin)).toMatchObject({ seq: 3, chain: three.chain, isMinted: false });
  });

  it('drops second copies, within the piece too', async () => {
    const [one, two] = write(2) as [ChangeEvent, ChangeEvent];
    expect(summary(await planEvents(one, one, two, one, two))).toEqual({
      ...nothing,
      rows: [1, 2],
      duplicates: 3,
    });
  });

  it('stalls an origin at the first event beyond a hole and takes the others', async () => {
    const [one, , three, four] = write(4) as ChangeEvent[];
    const other = new ForeignRun(originName('b'));
    const events = [one, three, other.write(note('m1')), four, other.write(note('m2'))];
    const found = await planEvents(...(events as ChangeEvent[]));
    expect(summary(found)).toEqual({ ...nothing, rows: [1, 1, 2], stalls: ['hole at 1'] });
    expect(found.stalls.get(run.origin)?.position.bookmark?.offset).toBe(0);
  });

  it('stalls an origin of which it never saw the beginning', async () => {
    const [, , three] = write(3) as ChangeEvent[];
    expect(summary(await planEvents(three as ChangeEvent))).toEqual({ ...nothing, stalls: ['hole at 0'] });
  });

  it('ends a stall that began in the same piece, so that what came in between is read again', async () => {
    const [one, two, three] = write(3) as [ChangeEvent, ChangeEvent, ChangeEvent];
    const found = await planEvents(one, three, two);
    expect(summary(found)).toEqual({ ...nothing, rows: [1, 2], ended: 1 });
    expect(found.endedStalls.get(run.origin)).toMatchObject([{ position: { next: 1 } }]);
  });

  it('quarantines what is no event of ours and goes on', async () => {
    const [one, two] = write(2) as [ChangeEvent, ChangeEvent];
    const bad = { ...recordAt(1, two), value: Buffer.from('changed') };
    const found = await plan([recordAt(0, one), bad, { ...recordAt(2, two), value: null }, recordAt(3, two)]);
    expect(summary(found)).toEqual({ ...nothing, rows: [1, 2], quarantined: [1, 2] });
    expect(found.quarantined[0]?.reason).toContain('does not verify');
  });

  it('passes markers of strangers', async () => {
    const marker = { ...recordAt(0, run.write(note('n1'))), isMarker: true, value: null, headers: {} };
    expect(summary(await plan([marker]))).toEqual(nothing);
  });

  it('quarantines a genuine event that contradicts what is stored: two lives of one run', async () => {
    const [one, two] = write(2) as [ChangeEvent, ChangeEvent];
    const other = new ForeignRun(run.origin, { after: one }).write(note('another n2'));
    const third = new ForeignRun(run.origin, { after: other }).write(note('n3'));
    const found = await planEvents(one, two, other, third);
    expect(summary(found)).toEqual({ ...nothing, rows: [1, 2], quarantined: [2, 3] });
    expect(found.quarantined[0]?.reason).toContain('two lives of one run');
  });

  it('keeps a row that this build refuses at its place and goes on behind it', async () => {
    const bytes = Buffer.from('{"stars":99}');
    const events = [run.write(note('n1')), run.write(note('n2'), { bytes }), run.write(note('n3'))];
    const found = await planEvents(...events);
    expect(summary(found)).toEqual({ ...nothing, rows: [1, 3], hidden: [2] });
    expect(found.hidden[0]?.event.bytes).toEqual(bytes);
    expect(found.origins.get(run.origin)?.seq).toBe(3);
  });

  it('keeps a row of a table that this build does not have', async () => {
    const gone = { ...bench.table('notes'), name: 'gone' };
    const found = await planEvents(run.write(note('n1'), { table: gone }));
    expect(summary(found)).toEqual({ ...nothing, hidden: [1] });
    expect(found.hidden[0]?.reason).toContain('no table gone');
  });

  it('stalls an origin at an event of a newer schema, and skips nothing of it', async () => {
    const events = [
      run.write(note('n1')),
      run.write(note('n2'), { schemaVersion: 2 }),
      run.write(note('n3')),
    ];
    const found = await planEvents(...events);
    expect(summary(found)).toEqual({ ...nothing, rows: [1], stalls: ['schema at 1'] });
    expect(found.stalls.get(run.origin)?.schemaVersion).toBe(2);
  });

  it('writes nothing by itself', async () => {
    await planEvents(...write(3));
    expect(await bench.database.reader.all('SELECT * FROM replication_origin')).toEqual([]);
    expect(bench.origins.list()).toEqual([]);
  });
});

describe('the log shows this very run', () => {
  const own = () => new ForeignRun(bench.own.name);

  it('as a row that it never wrote: a fork', async () => {
    await expect(planEvents(own().write(note('n1')))).rejects.toMatchObject({ code: 'fork' });
  });

  it('as a row far beyond what it wrote: a fork', async () => {
    const copy = own();
    copy.write(note('n1'));
    await expect(planEvents(copy.write(note('n2')))).rejects.toMatchObject({ code: 'fork' });
  });

  it('as another row in the place of one that it wrote: a fork', async () => {
    await bench.writer.insert(bench.table('notes'), note('mine'));
    await expect(planEvents(own().write(note('theirs')))).rejects.toMatchObject({ code: 'fork' });
  });

  it('as the rows that it wrote: echoes, which move `published` in order', async () => {
    for (const id of ['n1', 'n2', 'n3']) await bench.writer.insert(bench.table('notes'), note(id));
    const copy = own();
    const events = ['n1', 'n2', 'n3'].map((id) => copy.write(note(id))) as [
      ChangeEvent,
      ChangeEvent,
      ChangeEvent,
    ];
    const found = await planEvents(events[0], events[1]);
    expect(summary(found)).toEqual({ ...nothing, echoes: 2 });
    expect(found.origins.get(bench.own.name)?.published).toBe(2);
  });

  it('with a row missing before another: the log lost it, and `published` stays', async () => {
    for (const id of ['n1', 'n2', 'n3']) await bench.writer.insert(bench.table('notes'), note(id));
    const copy = own();
    const events = ['n1', 'n2', 'n3'].map((id) => copy.write(note(id))) as [
      ChangeEvent,
      ChangeEvent,
      ChangeEvent,
    ];
    const found = await planEvents(events[0], events[2]);
    expect([...found.lost]).toEqual([bench.own.name]);
    expect(found.origins.get(bench.own.name)?.published).toBe(1);
  });
});
