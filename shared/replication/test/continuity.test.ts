import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeEvent } from '../src/change-event.ts';
import type { LogRead } from '../src/change-log.ts';
import {
  type ApplierBench,
  ForeignRun,
  MemoryBroker,
  note,
  openApplierBench,
  originName,
  pieceOf,
  rawRecord,
} from '../testing/index.ts';

let broker: MemoryBroker;
let bench: ApplierBench;
let run: ForeignRun;

beforeEach(async () => {
  broker = new MemoryBroker({ isStepped: true, partitions: 2 });
  bench = await openApplierBench({ broker });
  run = new ForeignRun(originName('a'));
});
afterEach(() => bench.close());

const write = (count: number): ChangeEvent[] =>
  Array.from({ length: count }, () => run.write(note(`n${n++}`)));
let n = 0;
const append = (...events: ChangeEvent[]): void => {
  for (const event of events) broker.appendRaw(0, rawRecord(event));
};
/** A read of the first partition as a consumer at `from` makes it. */
const readFrom = (from: number, maxRecords = 500): LogRead => {
  const { end = 0 } = broker.offsets()[0] ?? {};
  return pieceOf(broker.records(0), { partition: 0, from, maxRecords, end });
};
const applied = (): number => bench.origins.get(run.origin)?.seq ?? 0;
const next = (): number => bench.applier.position(0).next;
const replaced = { code: 'log-replaced' };

describe('reading on', () => {
  it('starts at the bookmark, wants to see it, and does not apply it twice', async () => {
    append(...write(3));
    await bench.readAll(0);
    append(...write(2));
    expect(bench.applier.startOf(0)).toBe(2);
    await bench.applier.applyBatch(readFrom(2));
    expect([applied(), next()]).toEqual([5, 5]);
    expect(bench.applier.counters).toMatchObject({ applied: 5, duplicates: 0 });
  });

  it('goes on without the bookmark as long as each read follows the one before', async () => {
    append(...write(6));
    bench.applier.startOf(0);
    for (const from of [0, 2, 4]) expect(await bench.applier.applyBatch(readFrom(from, 2))).toBe('go on');
    expect(applied()).toBe(6);
  });

  it('remembers the bookmark over a restart', async () => {
    append(...write(3));
    await bench.readAll(0);
    const again = await openApplierBench({ broker, file: bench.file, own: originName('own', 2) });
    expect(again.applier.startOf(0)).toBe(2);
    broker.alter(0, 2, { timestampMs: 1 });
    await expect(again.applier.applyBatch(readFrom(2))).rejects.toMatchObject(replaced);
    await again.close();
  });
});

describe('a bookmark', () => {
  beforeEach(async () => {
    append(...write(3));
    await bench.readAll(0);
    append(...write(2));
    bench.applier.startOf(0);
  });

  it.each<[string, () => void]>([
    ['was altered', () => broker.alter(0, 2, { value: Buffer.from('other') })],
    ['has another timestamp', () => broker.alter(0, 2, { timestampMs: 1 })],
    ['became a marker', () => broker.alter(0, 2, { isMarker: true, value: null, headers: {} })],
    ['is gone with the log', () => broker.recreate()],
  ])('that %s means another log: nothing is applied, nothing is skipped', async (_, change) => {
    change();
    await expect(bench.applier.applyBatch(readFrom(2))).rejects.toMatchObject(replaced);
    expect([applied(), next()]).toEqual([3, 3]);
  });

  it('that is gone although the records after it are there means another log', async () => {
    const read = readFrom(2);
    await expect(bench.applier.applyBatch({ ...read, records: read.records.slice(1) })).rejects.toMatchObject(
      replaced,
    );
    expect([applied(), next()]).toEqual([3, 3]);
  });

  it('that is there, in a log of the same length and other records before it, still proves only itself', async () => {
    expect(await bench.applier.applyBatch(readFrom(2))).toBe('go on');
    expect(applied()).toBe(5);
  });
});

describe('a landmark', () => {
  /** The first partition has been read on, far beyond the landmark. */
  beforeEach(async () => {
    append(...write(3));
    await bench.readAll(0);
    append(...write(4));
    await bench.readAll(0);
    append(...write(2));
  });
  const revisit = (): number => {
    bench.applier.revisit(broker.offsets());
    return bench.applier.startOf(0);
  };

  it('is read again on demand, and then reading goes on where it was', async () => {
    expect(revisit()).toBe(2);
    expect(await bench.applier.applyBatch(readFrom(2))).toBe('seek');
    expect([bench.applier.startOf(0), next()]).toEqual([6, 7]);
    expect(await bench.applier.applyBatch(readFrom(6))).toBe('go on');
    expect(applied()).toBe(9);
    expect(bench.applier.counters.duplicates).toBe(0);
  });

  it('that is another record means another log, although reading continues without a seam', async () => {
    broker.alter(0, 2, { timestampMs: 1 });
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(readFrom(6))).toBe('go on');
    expect(revisit()).toBe(2);
    await expect(bench.applier.applyBatch(readFrom(2))).rejects.toMatchObject(replaced);
  });

  it('moves along, so that each look covers what was read since the one before', async () => {
    revisit();
    await bench.applier.applyBatch(readFrom(2));
    await bench.readAll(0);
    expect(revisit()).toBe(6);
  });

  it('is asked for again when reading was interrupted before it was seen', async () => {
    expect(revisit()).toBe(2);
    expect(bench.applier.startOf(0)).toBe(2);
  });

  it('that is to be seen while a read is being taken does not make the rest of it another log', async () => {
    bench.applier.startOf(0);
    await bench.applier.applyBatch(readFrom(6, 1));
    const taking = bench.applier.applyBatch(readFrom(7, 1));
    // The check runs in the first turns, the commit takes longer: the restart falls in between.
    for (let turn = 0; turn < 3; turn += 1) await Promise.resolve();
    expect(revisit()).toBe(2);
    expect(await taking).toBe('seek');
    // A piece of the same batch that was on its way.
    expect(await bench.applier.applyBatch(readFrom(8, 1))).toBe('seek');
    await bench.readAll(0);
    expect(applied()).toBe(9);
  });

  it('that retention has removed proves nothing, and is set anew', async () => {
    broker.retain(0, 4);
    expect(revisit()).toBe(6);
  });

  it('costs nothing where nothing was read since', async () => {
    await bench.readAll(0);
    revisit();
    await bench.applier.applyBatch(readFrom(2));
    await bench.readAll(0);
    revisit();
    await bench.applier.applyBatch(readFrom(6));
    await bench.readAll(0);
    expect(revisit()).toBe(8);
    expect(await bench.applier.applyBatch(readFrom(8))).toBe('go on');
  });
});

describe('a record where there was none', () => {
  it('below the position means another log', async () => {
    append(...write(2));
    broker.appendMarker(0);
    broker.appendMarker(0);
    await bench.readAll(0);
    expect(next()).toBe(4);
    bench.applier.startOf(0);
    const [event] = write(1);
    if (event) broker.alter(0, 3, { ...rawRecord(event), isMarker: false });
    await expect(bench.applier.applyBatch(readFrom(1))).rejects.toMatchObject(replaced);
    expect(next()).toBe(4);
  });
});

describe('a reader that reset itself', () => {
  it('is asked to seek again, a few times, and then the log does not fit', async () => {
    append(...write(4));
    await bench.readAll(0);
    append(...write(1));
    bench.applier.startOf(0);
    for (let i = 0; i < 5; i += 1) {
      expect(await bench.applier.applyBatch(readFrom(0))).toBe('seek');
      bench.applier.startOf(0);
    }
    await expect(bench.applier.applyBatch(readFrom(0))).rejects.toMatchObject({ code: 'log-mismatch' });
    expect([applied(), next()]).toEqual([4, 4]);
  });

  it('forwards, over records that were never read, skips nothing', async () => {
    append(...write(4));
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(readFrom(2))).toBe('seek');
    expect([applied(), next()]).toEqual([0, 0]);
    await bench.readAll(0);
    expect(applied()).toBe(4);
  });

  it('is forgiven when a good read comes in between', async () => {
    append(...write(30));
    bench.applier.startOf(0);
    for (let i = 0; i < 8; i += 1) {
      expect(await bench.applier.applyBatch(readFrom(29))).toBe('seek');
      expect(await bench.applier.applyBatch(readFrom(bench.applier.startOf(0), 2))).toBe('go on');
    }
  });
});

describe('offsets without a record', () => {
  it('are passed when two fresh reads agree on them, and counted', async () => {
    append(...write(2));
    broker.appendGap(0, 3);
    append(...write(1));
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(readFrom(0))).toBe('seek');
    expect([applied(), next()]).toEqual([0, 0]);
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(readFrom(0))).toBe('go on');
    expect([applied(), next(), bench.applier.counters.passedGaps]).toEqual([3, 6, 1]);
  });

  it('are not passed when the second read finds a record there', async () => {
    const [one, two, three] = write(3) as [ChangeEvent, ChangeEvent, ChangeEvent];
    append(one, two, three);
    const whole = readFrom(0);
    bench.applier.startOf(0);
    const holed = { ...whole, records: whole.records.filter(({ offset }) => offset !== 1) };
    expect(await bench.applier.applyBatch(holed)).toBe('seek');
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(whole)).toBe('go on');
    expect([applied(), bench.applier.counters.passedGaps]).toEqual([3, 0]);
  });

  it('are each to be confirmed: one gap that was seen before does not let another through', async () => {
    append(...write(1));
    broker.appendGap(0, 1);
    append(...write(1));
    append(...write(2));
    const whole = readFrom(0);
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(whole)).toBe('seek');
    bench.applier.startOf(0);
    const holed = { ...whole, records: whole.records.filter(({ offset }) => offset !== 3) };
    expect(await bench.applier.applyBatch(holed)).toBe('seek');
    expect(applied()).toBe(0);
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(whole)).toBe('go on');
    expect(applied()).toBe(4);
  });

  it('are confirmed also when the bookmark comes in a piece of its own', async () => {
    append(...write(1));
    await bench.readAll(0);
    broker.appendGap(0, 1);
    append(...write(1));
    await bench.readAll(0, 1);
    expect([applied(), next(), bench.applier.counters.passedGaps]).toEqual([2, 3, 1]);
  });

  it('at the end of the log let the lag reach zero', async () => {
    append(...write(1));
    broker.appendGap(0, 2);
    await bench.readAll(0);
    expect(next()).toBe(3);
  });

  it('that a marker explains need no second look', async () => {
    append(...write(1));
    broker.appendMarker(0);
    append(...write(1));
    broker.appendMarker(0);
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(readFrom(0))).toBe('go on');
    expect([applied(), next(), bench.applier.counters.passedGaps]).toEqual([2, 4, 0]);
    // The bookmark is the last record that carries something, markers after it or not.
    expect(bench.applier.startOf(0)).toBe(2);
    await bench.applier.applyBatch(readFrom(2));
    expect(next()).toBe(4);
  });
});

describe('a batch that cannot be decoded', () => {
  const quarantined = () =>
    bench.database.reader.all('SELECT "offset", reason FROM replication_quarantine ORDER BY id');

  it('is passed into quarantine when two fresh reads agree on it, and what follows is read', async () => {
    append(...write(2));
    broker.appendUnreadable(0, 5);
    append(...write(1));
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(readFrom(0))).toBe('seek');
    expect([applied(), next(), await quarantined()]).toEqual([0, 0, []]);
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(readFrom(0))).toBe('go on');
    expect([applied(), next(), bench.applier.counters.passedGaps]).toEqual([3, 8, 0]);
    expect(await quarantined()).toEqual([
      { offset: 2, reason: expect.stringMatching(/^log-unreadable: .* offsets 2\.\.6 cannot be decoded/) },
    ]);
  });

  it('that a fresh read can decode was changed on the way only, and harms nothing', async () => {
    append(...write(3));
    const whole = readFrom(0);
    broker.makeUnreadable(0, 1, 3);
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(readFrom(0))).toBe('seek');
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(whole)).toBe('go on');
    expect([applied(), next(), await quarantined()]).toEqual([3, 3, []]);
  });

  it('is no bookmark: reading starts again at the last record before it', async () => {
    append(...write(2));
    broker.appendUnreadable(0, 3);
    await bench.readAll(0);
    expect(next()).toBe(5);
    const again = await openApplierBench({ broker, file: bench.file, own: originName('own', 2) });
    expect(again.applier.startOf(0)).toBe(1);
    append(...write(1));
    await again.readAll(0);
    expect([again.origins.get(run.origin)?.seq, again.applier.position(0).next]).toEqual([3, 6]);
    expect(await quarantined()).toHaveLength(1);
    await again.close();
  });
});
