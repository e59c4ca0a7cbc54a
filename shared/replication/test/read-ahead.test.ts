import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { LogRecord } from '../src/change-log.ts';
import { History } from '../src/history.ts';
import { ReadAhead } from '../src/read-ahead.ts';
import { defineTable } from '../src/table.ts';
import {
  type ApplierBench,
  ForeignRun,
  note,
  notes,
  openApplierBench,
  originName,
  recordAt,
} from '../testing/index.ts';

let bench: ApplierBench;
let records: LogRecord[];

/** 120 rows, of which the fourth is not verifiable and the fifth is not a row of this build. */
beforeEach(async () => {
  bench = await openApplierBench();
  const run = new ForeignRun(originName('b'));
  records = Array.from({ length: 120 }, (_, i) =>
    recordAt(i, run.write(note(`b${i}`), i === 4 ? { bytes: Buffer.from('{"not":"a note"}') } : {})),
  );
  records[3] = { ...(records[3] as LogRecord), value: Buffer.from('{}') };
});
afterEach(() => bench.close());

describe('reading ahead', () => {
  it('gives what reading in time would give', async () => {
    const ahead = new ReadAhead(bench);
    await ahead.look(records, () => false);
    const inTime = new ReadAhead(bench);
    const table = bench.table('notes');
    for (const record of records) {
      const read = ahead.record(record);
      expect(read).toEqual(inTime.record(record));
      expect(ahead.record(record)).toBe(read);
      if (!read.event) continue;
      const { event } = read;
      if (event.seq === 5) expect(() => ahead.row(event, table)).toThrow('notes');
      else expect(ahead.row(event, table)).toEqual(inTime.row(event, table));
    }
    expect(records.flatMap((record) => ahead.record(record).refusal ?? [])).toHaveLength(1);
  });

  it('fails of nothing, not even of a rule of the service that throws', async () => {
    const text = z.string().refine(() => {
      throw new TypeError('a rule with a defect');
    });
    const columns = notes.columns.extend({ text });
    const table = defineTable({ ...notes, columns });
    const ahead = new ReadAhead({ ...bench, history: new History([table]) });
    await ahead.look(records.slice(0, 1), () => false);
    const { event } = ahead.record(records[0] as LogRecord);
    expect(() => event && ahead.row(event, table)).toThrow('a rule with a defect');
  });

  it('ends when it is over', async () => {
    const ahead = new ReadAhead(bench);
    let looks = 0;
    await ahead.look(records, () => {
      looks += 1;
      return looks > 1;
    });
    expect(looks).toBe(2);
    const isKept = (record: LogRecord): boolean => {
      const read = ahead.record(record);
      return ahead.record(record) === read;
    };
    expect(records.map(isKept).lastIndexOf(true)).toBe(49);
  });

  it('while a piece is stored leaves the next one to be judged as it is then', async () => {
    const [first, second, third] = [records.slice(0, 3), records.slice(3, 60), records.slice(60)];
    const read = { partition: 0, end: 120 };
    bench.applier.startOf(0);
    await bench.applier.applyBatch({ ...read, from: 0, records: first, ahead: second, next: 3 });
    await bench.applier.applyBatch({ ...read, from: 3, records: second, ahead: third, next: 60 });
    await bench.applier.applyBatch({ ...read, from: 60, records: third, next: 120 });
    // Behind the record that does not verify there is a hole: the origin is stalled where it is.
    expect(bench.applier.counters).toMatchObject({ applied: 3, quarantined: 1, stalls: 1 });
    expect(bench.applier.position(0).next).toBe(120);
  });
});
