import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeEvent } from '../src/change-event.ts';
import { isOnlyCut } from '../src/cut.ts';
import type { Bookmark, Position } from '../src/positions.ts';
import {
  type ApplierBench,
  ForeignRun,
  MemoryBroker,
  note,
  openApplierBench,
  originName,
  rawRecord,
} from '../testing/index.ts';

const mark = (offset: number): Bookmark => ({ offset, fingerprint: Buffer.alloc(32, offset) });
const offsets = (...places: readonly (readonly [low: number, end: number])[]) =>
  places.map(([low, end], partition) => ({ partition, low, end }));
const positions = (...given: readonly Position[]) => new Map(given.entries());

describe('what does not fit of a log', () => {
  const read: Position = { next: 5, bookmark: mark(4) };
  const other: Position = { next: 3, bookmark: mark(2) };

  it.each<[string, boolean, ReadonlyMap<number, Position>, ReturnType<typeof offsets>]>([
    ['its start, where a bookmark is left', true, positions(read, other), offsets([5, 9], [2, 3])],
    ['its start, beyond a position', true, positions(read, other), offsets([7, 9], [0, 3])],
    [
      'its start, and a bookmark is left of before reading went back',
      true,
      positions({ next: 1, bookmark: mark(0), furthest: mark(6) }),
      offsets([3, 7]),
    ],
    ['its start, where no bookmark is left', false, positions(read, other), offsets([5, 9], [3, 3])],
    ['nothing', false, positions(read, other), offsets([4, 9], [0, 3])],
    ['its end', false, positions(read, other), offsets([5, 9], [0, 2])],
    [
      'its end, as it was before reading went back',
      false,
      positions({ ...other, furthest: mark(6) }, read),
      offsets([3, 6], [0, 5]),
    ],
    ['a partition that is gone', false, positions(other, read, other), offsets([3, 3], [0, 5])],
  ])('is only a cut or not: %s', (_, isOnly, stood, there) => {
    expect(isOnlyCut(stood, there)).toBe(isOnly);
  });
});

describe('behind a cut', () => {
  let broker: MemoryBroker;
  let bench: ApplierBench;
  let run: ForeignRun;

  beforeEach(async () => {
    broker = new MemoryBroker({ isStepped: true, partitions: 2 });
    bench = await openApplierBench({ broker });
    run = new ForeignRun(originName('a'));
  });
  afterEach(() => bench.close());
  const append = (...texts: readonly string[]): ChangeEvent[] => {
    const events = texts.map((text) => run.write(note(text)));
    for (const event of events) broker.appendRaw(0, rawRecord(event));
    return events;
  };
  const held = () => {
    const { seq, published } = bench.origins.get(run.origin) ?? {};
    return { seq, published };
  };

  it('a row that was gone before it was read leaves a hole, and those behind it prove nothing about it', async () => {
    append('n1', 'n2');
    await bench.readAll(0);
    append('n3', 'n4', 'n5');
    broker.retain(0, 3);
    await bench.applier.passCut(new Map([[0, 3]]));
    await bench.readAll(0);
    expect(held()).toEqual({ seq: 2, published: 2 });
    expect(bench.applier.stalls()).toMatchObject([{ origin: run.origin, reason: 'hole' }]);
  });

  it('a run of which nothing was read counts for nothing by what is left of it', async () => {
    const events = append('n1', 'n2', 'n3');
    broker.retain(0, 1);
    await bench.applier.passCut(new Map([[0, 1]]));
    await bench.applier.applyFromPeer(events);
    await bench.readAll(0);
    expect(held()).toEqual({ seq: 3, published: 0 });
  });

  it('reading goes on without a loss where everything was read in time', async () => {
    append('n1', 'n2');
    await bench.readAll(0);
    broker.retain(0, 2);
    await bench.applier.passCut(new Map([[0, 2]]));
    append('n3');
    await bench.readAll(0);
    expect(held()).toEqual({ seq: 3, published: 3 });
  });
});
