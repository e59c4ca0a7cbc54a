import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Continuity } from '../src/continuity.ts';
import {
  type MemoryBroker,
  openApplierBench,
  openPartitionBench,
  originName,
  type PartitionBench,
  rawRecord,
} from '../testing/index.ts';

let broker: MemoryBroker;
let bench: PartitionBench;

beforeEach(async () => {
  bench = await openPartitionBench();
  ({ broker } = bench);
});
afterEach(() => bench.close());

const replaced = { code: 'log-replaced' };

describe('reading on', () => {
  it('starts at the bookmark, wants to see it, and does not apply it twice', async () => {
    bench.append(3);
    await bench.readAll(0);
    bench.append(2);
    expect(bench.applier.startOf(0)).toBe(2);
    await bench.applier.applyBatch(bench.readFrom(2));
    expect([bench.applied(), bench.next()]).toEqual([5, 5]);
    expect(bench.applier.counters).toMatchObject({ applied: 5, duplicates: 0 });
  });

  it('goes on without the bookmark as long as each read follows the one before', async () => {
    bench.append(6);
    bench.applier.startOf(0);
    for (const from of [0, 2, 4])
      expect(await bench.applier.applyBatch(bench.readFrom(from, 2))).toBe('go on');
    expect(bench.applied()).toBe(6);
  });

  it('remembers the bookmark over a restart', async () => {
    bench.append(3);
    await bench.readAll(0);
    const again = await openApplierBench({ broker, file: bench.file, own: originName('own', 2) });
    expect(again.applier.startOf(0)).toBe(2);
    broker.alter(0, 2, { timestampMs: 1 });
    await expect(again.applier.applyBatch(bench.readFrom(2))).rejects.toMatchObject(replaced);
    await again.close();
  });
});

describe('a bookmark', () => {
  beforeEach(async () => {
    bench.append(3);
    await bench.readAll(0);
    bench.append(2);
    bench.applier.startOf(0);
  });

  it.each<[string, () => void]>([
    ['was altered', () => broker.alter(0, 2, { value: Buffer.from('other') })],
    ['has another timestamp', () => broker.alter(0, 2, { timestampMs: 1 })],
    ['became a marker', () => broker.alter(0, 2, { isMarker: true, value: null, headers: {} })],
    ['is gone with the log', () => broker.recreate()],
  ])('that %s means another log: nothing is applied, nothing is skipped', async (_, change) => {
    change();
    await expect(bench.applier.applyBatch(bench.readFrom(2))).rejects.toMatchObject(replaced);
    expect([bench.applied(), bench.next()]).toEqual([3, 3]);
  });

  it('that is gone although the records after it are there means another log', async () => {
    const read = bench.readFrom(2);
    await expect(bench.applier.applyBatch({ ...read, records: read.records.slice(1) })).rejects.toMatchObject(
      replaced,
    );
    expect([bench.applied(), bench.next()]).toEqual([3, 3]);
  });

  it('that is there, in a log of the same length and other records before it, still proves only itself', async () => {
    expect(await bench.applier.applyBatch(bench.readFrom(2))).toBe('go on');
    expect(bench.applied()).toBe(5);
  });
});

describe('a landmark', () => {
  /** The first partition has been read on, far beyond the landmark. */
  beforeEach(async () => {
    bench.append(3);
    await bench.readAll(0);
    bench.append(4);
    await bench.readAll(0);
    bench.append(2);
  });
  const revisit = (): number => {
    bench.applier.revisit(broker.offsets());
    return bench.applier.startOf(0);
  };

  it('is read again on demand, and then reading goes on where it was', async () => {
    expect(revisit()).toBe(2);
    expect(await bench.applier.applyBatch(bench.readFrom(2))).toBe('seek');
    expect([bench.applier.startOf(0), bench.next()]).toEqual([6, 7]);
    expect(await bench.applier.applyBatch(bench.readFrom(6))).toBe('go on');
    expect(bench.applied()).toBe(9);
    expect(bench.applier.counters.duplicates).toBe(0);
  });

  it('that is another record means another log, although reading continues without a seam', async () => {
    broker.alter(0, 2, { timestampMs: 1 });
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(bench.readFrom(6))).toBe('go on');
    expect(revisit()).toBe(2);
    await expect(bench.applier.applyBatch(bench.readFrom(2))).rejects.toMatchObject(replaced);
  });

  it('moves along, so that each look covers what was read since the one before', async () => {
    revisit();
    await bench.applier.applyBatch(bench.readFrom(2));
    await bench.readAll(0);
    expect(revisit()).toBe(6);
  });

  it('is asked for again when reading was interrupted before it was seen', async () => {
    expect(revisit()).toBe(2);
    expect(bench.applier.startOf(0)).toBe(2);
  });

  it('that is to be seen while a read is being taken does not make the rest of it another log', async () => {
    bench.applier.startOf(0);
    await bench.applier.applyBatch(bench.readFrom(6, 1));
    const taking = bench.applier.applyBatch(bench.readFrom(7, 1));
    // The check runs in the first turns, the commit takes longer: the restart falls in between.
    for (let turn = 0; turn < 3; turn += 1) await Promise.resolve();
    expect(revisit()).toBe(2);
    expect(await taking).toBe('seek');
    // A piece of the same batch that was on its way.
    expect(await bench.applier.applyBatch(bench.readFrom(8, 1))).toBe('seek');
    await bench.readAll(0);
    expect(bench.applied()).toBe(9);
  });

  it('of the life before is looked at where that is due before reading has begun', () => {
    const mark = (offset: number) => ({ offset, fingerprint: Buffer.of(offset) });
    const position = { next: 9, bookmark: mark(8), landmark: mark(2) };
    const continuity = new Continuity();
    continuity.revisit(0, { position, low: 0 });
    expect(continuity.restart(0, position)).toBe(2);
  });

  it('that retention has removed proves nothing, and is set anew', async () => {
    broker.retain(0, 4);
    expect(revisit()).toBe(6);
  });

  it('costs nothing where nothing was read since', async () => {
    await bench.readAll(0);
    revisit();
    await bench.applier.applyBatch(bench.readFrom(2));
    await bench.readAll(0);
    revisit();
    await bench.applier.applyBatch(bench.readFrom(6));
    await bench.readAll(0);
    expect(revisit()).toBe(8);
    expect(await bench.applier.applyBatch(bench.readFrom(8))).toBe('go on');
  });
});

describe('a record where there was none', () => {
  it('below the position means another log', async () => {
    bench.append(2);
    broker.appendMarker(0);
    broker.appendMarker(0);
    await bench.readAll(0);
    expect(bench.next()).toBe(4);
    bench.applier.startOf(0);
    const [event] = bench.write(1);
    if (event) broker.alter(0, 3, { ...rawRecord(event), isMarker: false });
    await expect(bench.applier.applyBatch(bench.readFrom(1))).rejects.toMatchObject(replaced);
    expect(bench.next()).toBe(4);
  });
});

describe('a reader that reset itself', () => {
  it('is asked to seek again, a few times, and then the log does not fit', async () => {
    bench.append(4);
    await bench.readAll(0);
    bench.append(1);
    bench.applier.startOf(0);
    for (let i = 0; i < 5; i += 1) {
      expect(await bench.applier.applyBatch(bench.readFrom(0))).toBe('seek');
      bench.applier.startOf(0);
    }
    await expect(bench.applier.applyBatch(bench.readFrom(0))).rejects.toMatchObject({ code: 'log-mismatch' });
    expect([bench.applied(), bench.next()]).toEqual([4, 4]);
  });

  it('forwards, over records that were never read, skips nothing', async () => {
    bench.append(4);
    bench.applier.startOf(0);
    expect(await bench.applier.applyBatch(bench.readFrom(2))).toBe('seek');
    expect([bench.applied(), bench.next()]).toEqual([0, 0]);
    await bench.readAll(0);
    expect(bench.applied()).toBe(4);
  });

  it('is forgiven when a good read comes in between', async () => {
    bench.append(30);
    bench.applier.startOf(0);
    for (let i = 0; i < 8; i += 1) {
      expect(await bench.applier.applyBatch(bench.readFrom(29))).toBe('seek');
      expect(await bench.applier.applyBatch(bench.readFrom(bench.applier.startOf(0), 2))).toBe('go on');
    }
  });
});
