/**
 * Ten thousand records that somebody or something changed (more by `pnpm mutate`): none of them may throw, and none
 * may be applied in any other form than its origin wrote it.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planPiece } from '../src/apply-plan.ts';
import { decodeRecord } from '../src/change-event.ts';
import type { LogRecord } from '../src/change-log.ts';
import { ForeignRun, note, openApplierBench, originName, recordAt, testChain } from '../testing/index.ts';

const { MUTATED_EVENTS = '10000', MUTATED_SEED } = process.env;
const count = Number(MUTATED_EVENTS);
/** Another seed each time, which a failure prints, unless one is asked for. */
const seeded = MUTATED_SEED === undefined ? {} : { seed: Number(MUTATED_SEED) };

const run = new ForeignRun(originName('a'));
const events = Array.from({ length: 20 }, (_, i) => run.write(note(`n${i}`)));
const names = Object.keys(recordAt(0, run.write(note('last'))).headers);

const changedBytes = (bytes: Buffer): fc.Arbitrary<Buffer | null> => {
  const at = fc.nat(Math.max(0, bytes.length - 1));
  return fc.oneof(
    fc.tuple(at, fc.integer({ min: 1, max: 255 })).map(([i, mask]) => {
      const copy = Buffer.from(bytes);
      copy[i] = (copy[i] ?? 0) ^ mask;
      return copy;
    }),
    at.map((length) => bytes.subarray(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 8 }).map((more) => Buffer.concat([bytes, more])),
    fc.uint8Array({ maxLength: 200 }).map((other) => Buffer.from(other)),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    fc.json().map((text) => Buffer.from(text)),
    fc.constant(null),
  );
};

const mutated: fc.Arbitrary<LogRecord> = fc.nat(events.length - 1).chain((i) => {
  const event = events[i];
  if (!event) throw new Error('no event');
  const record = recordAt(i, event);
  const value = changedBytes(event.bytes).map((bytes) => ({ ...record, value: bytes }));
  const header = fc.constantFrom(...names).chain((name) =>
    changedBytes(record.headers[name] ?? Buffer.alloc(0)).map((bytes) => ({
      ...record,
      headers: { ...record.headers, [name]: bytes ?? undefined },
    })),
  );
  const mixed = fc.tuple(fc.constantFrom(...names), fc.nat(events.length - 1)).map(([name, j]) => ({
    ...record,
    headers: { ...record.headers, [name]: recordAt(j, events[j] ?? event).headers[name] },
  }));
  return fc.oneof(value, header, mixed);
});

describe('mutated records', () => {
  it('are refused, or are the event that was written, bytes and place', { timeout: 600_000 }, () => {
    const seen = { refused: 0, same: 0 };
    fc.assert(
      fc.property(mutated, (record) => {
        const { event, refusal } = decodeRecord(record, testChain);
        if (refusal === undefined) {
          expect(event).toEqual(events[record.offset]);
          seen.same += 1;
        } else {
          seen.refused += 1;
        }
      }),
      { numRuns: count, ...seeded },
    );
    console.log(`mutated events: ${seen.refused} refused, ${seen.same} as they were written`);
    expect(seen.refused + seen.same).toBe(count);
    expect(seen.refused).toBeGreaterThan(count / 2);
  });

  it('come to nothing but quarantine when nothing of their origin may be applied', async () => {
    const bench = await openApplierBench();
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(mutated, { minLength: 100, maxLength: 100 }), async (found) => {
          const records = found
            .filter((record) => decodeRecord(record, testChain).event === undefined)
            .map((record, offset) => ({ ...record, offset }));
          const position = { next: 0, bookmark: null };
          const plan = await planPiece({ partition: 0, position, records }, bench.planContext());
          expect(plan.quarantined).toHaveLength(records.length);
          expect([plan.rows.length, plan.hidden.length, plan.origins.size, plan.stalls.size]).toEqual([
            0, 0, 0, 0,
          ]);
        }),
        { numRuns: 20 },
      );
    } finally {
      await bench.close();
    }
  });
});
