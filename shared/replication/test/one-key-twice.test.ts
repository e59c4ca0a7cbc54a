/**
 * Two rows with one key, written where nobody knew of the other: the lowest (createdAt, origin, seq) is shown, on
 * every replica, in whatever order they arrive.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChangeEvent } from '../src/change-event.ts';
import {
  type ApplierBench,
  ForeignRun,
  MemoryBroker,
  note,
  openApplierBench,
  originName,
  rawRecord,
} from '../testing/index.ts';

const time = (minute: number): string => `2026-01-02T03:0${minute}:00.000Z`;
const row = (id: string, minute: number) => ({ ...note(id), created_at: time(minute) });

async function shown(bench: ApplierBench): Promise<unknown[]> {
  return bench.database.reader.all(
    `SELECT n.note_id, o.name, n.seq FROM notes n JOIN replication_origin o ON o.id = n.origin
     WHERE n.superseded = 0 ORDER BY n.note_id`,
  );
}

async function withBench<T>(use: (bench: ApplierBench) => Promise<T>): Promise<T> {
  const bench = await openApplierBench({ broker: new MemoryBroker({ isStepped: true, partitions: 1 }) });
  try {
    return await use(bench);
  } finally {
    await bench.close();
  }
}

async function shownAfter(
  bench: ApplierBench,
  events: readonly ChangeEvent[],
  pieceSize = 500,
): Promise<unknown[]> {
  for (const event of events) bench.broker.appendRaw(0, rawRecord(event));
  await bench.readAll(0, pieceSize);
  return shown(bench);
}

describe('of two rows with one key', () => {
  const [early, late] = [new ForeignRun(originName('a')), new ForeignRun(originName('b'))];
  const first = late.write(row('k', 1));
  const second = early.write(row('k', 2));

  it.each([
    ['the shown one first', [first, second]],
    ['the other one first', [second, first]],
  ])('the earlier one is shown: %s', async (_, events) => {
    await withBench(async (bench) => {
      expect(await shownAfter(bench, events)).toEqual([{ note_id: 'k', name: late.origin, seq: 1 }]);
      expect(bench.applier.counters).toMatchObject({ applied: 2, superseded: 1, quarantined: 0 });
      expect(bench.origins.rows()).toBe(2);
    });
  });

  it('the name of the origin decides when the times are equal, then the seq', async () => {
    const [a, b] = [new ForeignRun(originName('a')), new ForeignRun(originName('b'))];
    const events = [b.write(row('k', 1)), a.write(row('k', 1)), a.write(row('k', 1))];
    await withBench(async (bench) => {
      expect(await shownAfter(bench, events, 1)).toEqual([{ note_id: 'k', name: a.origin, seq: 1 }]);
    });
  });

  it('one written here gives way to an earlier one from elsewhere, also within one commit', async () => {
    await withBench(async (bench) => {
      const inserting = bench.writer.insert(bench.table('notes'), row('k', 5));
      const reading = shownAfter(bench, [first]);
      expect(await inserting).toMatchObject({ seq: 1 });
      expect(await reading).toEqual([{ note_id: 'k', name: late.origin, seq: 1 }]);
      await expect(bench.writer.insert(bench.table('notes'), row('k', 0))).rejects.toMatchObject({
        code: 'key-taken',
      });
    });
  });

  it('both keep their place in history', async () => {
    await withBench(async (bench) => {
      await shownAfter(bench, [second, first]);
      for (const event of [first, second]) {
        const origin = bench.origins.get(event.origin);
        if (!origin) throw new Error('missing');
        const [stored] = await bench.history.read(bench.database.reader, origin, {
          after: 0,
          upTo: 1,
          limit: 1,
        });
        expect(stored?.bytes).toEqual(event.bytes);
      }
    });
  });
});

describe('whatever the order of arrival', () => {
  it('all replicas show the same rows', async () => {
    const writes = fc.array(
      fc.record({ origin: fc.nat(2), key: fc.constantFrom('k1', 'k2', 'k3'), minute: fc.nat(3) }),
      { minLength: 2, maxLength: 15 },
    );
    await fc.assert(
      fc.asyncProperty(
        writes,
        fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
        fc.nat({ max: 6 }),
        async (list, dice, pieceSize) => {
          const runs = ['a', 'b', 'c'].map((id) => new ForeignRun(originName(id)));
          const written = runs.map((): ChangeEvent[] => []);
          for (const { origin, key, minute } of list) {
            const event = runs[origin]?.write(row(key, minute));
            if (event) written[origin]?.push(event);
          }
          const results: unknown[] = [];
          for (const start of [0, 20, 40]) {
            const queues = written.map((events) => [...events]);
            const order: ChangeEvent[] = [];
            for (let turn = start; order.length < list.length; turn += 1) {
              const waiting = queues.filter((queue) => queue.length > 0);
              const event = waiting[(dice[turn % dice.length] ?? 0) % waiting.length]?.shift();
              if (event) order.push(event);
            }
            results.push(await withBench((bench) => shownAfter(bench, order, pieceSize + 1)));
          }
          expect(results[1]).toEqual(results[0]);
          expect(results[2]).toEqual(results[0]);
        },
      ),
      { numRuns: 15 },
    );
  });
});
