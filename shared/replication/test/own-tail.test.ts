import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeEvent } from '../src/change-event.ts';
import type { StoredEvent } from '../src/history.ts';
import { OwnTail, type OwnTailBounds } from '../src/own-tail.ts';
import type { WrittenRow } from '../src/writer.ts';
import { note, openWorkbench, originName, type Workbench } from '../testing/index.ts';

let bench: Workbench;
let rows: WrittenRow[];

/** Five rows of run `own`, as the writer committed them. */
beforeEach(async () => {
  rows = [];
  bench = await openWorkbench({
    writer: { committed: (_own, _version, committed) => void rows.push(...committed) },
  });
  const inserts = ['a', 'b', 'c', 'd', 'e'].map((id) => bench.writer.insert(bench.table('notes'), note(id)));
  await Promise.all(inserts);
});
afterEach(() => bench.close());

function tail(bounds?: OwnTailBounds): OwnTail {
  const made = new OwnTail(bench.own.name, bounds);
  made.add(rows.slice(0, 2));
  made.add(rows.slice(2));
  return made;
}

const seqsAfter = (made: OwnTail, after: number, limit = 10): number[] =>
  made.after(bench.own.name, { after, limit }).map(({ seq }) => seq);

describe('the own tail', () => {
  it('gives the rows behind a place in order, as the table would', async () => {
    const fromTable = await bench.history.read(bench.database.reader, rowsOrigin(), {
      after: 1,
      upTo: 5,
      limit: 3,
    });
    expect(tail().after(bench.own.name, { after: 1, limit: 3 })).toEqual(fromTable);
    expect(fromTable.map(({ seq }) => seq)).toEqual([2, 3, 4]);
  });

  it('has nothing of another run, and nothing behind its last row', () => {
    expect(tail().after(originName('other'), { after: 0, limit: 10 })).toEqual([]);
    expect(seqsAfter(tail(), 5)).toEqual([]);
  });

  it('lets go of what was read back, and of nothing else', () => {
    const made = tail();
    made.readBack(originName('other'), 5);
    made.readBack(bench.own.name, 2);
    expect(seqsAfter(made, 2)).toEqual([3, 4, 5]);
    expect(seqsAfter(made, 1)).toEqual([]);
  });

  it.each([
    ['rows', { rows: 2, bytes: 1_000_000 }],
    ['bytes', { rows: 100, bytes: 2 * 120 }],
  ])('drops the oldest past its bound of %s', (_what, bounds) => {
    const made = tail(bounds);
    expect(made.size).toBeGreaterThan(0);
    expect(made.size).toBeLessThanOrEqual(2);
    expect(seqsAfter(made, 5 - made.size)).toHaveLength(made.size);
    expect(seqsAfter(made, 0)).toEqual([]);
  });

  it('recognises a row only in all its parts', () => {
    const made = tail();
    const [written] = made.after(bench.own.name, { after: 2, limit: 1 }) as [StoredEvent];
    expect(made.holds({ ...written, bytes: Buffer.from(written.bytes) })).toBe(true);
    const others: Partial<ChangeEvent>[] = [
      { origin: originName('other') },
      { seq: 4 },
      { seq: 9 },
      { schemaVersion: 2 },
      { table: 'others' },
      { previous: Buffer.alloc(32) },
      { chain: Buffer.alloc(32) },
      { bytes: Buffer.from('{}') },
    ];
    for (const other of others)
      expect(made.holds({ ...written, ...other }), JSON.stringify(other)).toBe(false);
  });
});

function rowsOrigin() {
  const origin = bench.origins.get(bench.own.name);
  if (!origin) throw new Error('nothing was written');
  return origin;
}
