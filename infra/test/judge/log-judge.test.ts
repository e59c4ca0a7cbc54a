import { GENESIS } from '@dbsync/replication/testing';
import { describe, expect, it } from 'vitest';
import { CutRows } from '../../src/judge/cut-rows.ts';
import type { JudgedRecord } from '../../src/judge/genuine-event.ts';
import { LogJudge } from '../../src/judge/log-judge.ts';
import type { StoredRow } from '../../src/judge/replica-file.ts';
import { judgeRows } from '../../src/judge/rows-judge.ts';
import { Violations } from '../../src/judge/violations.ts';
import { chain, fileOf, goodRows, knowledge, recordOf, rowOf } from './planted.ts';

const [first, second, third] = goodRows();
const held = await judgeRows('order-1', fileOf([first, second, third]), {
  knowledge: knowledge(),
  violations: new Violations(),
});
const whole = [recordOf(first), recordOf(second, first.chain), recordOf(third)];

function cutOf(...taken: readonly (readonly [origin: string, seq: number])[]): CutRows {
  const cut = new CutRows();
  for (const [origin, seq] of taken) cut.add({ origin, seq });
  return cut;
}

/** A run of `length` rows. */
function runOf(origin: string, length: number): StoredRow[] {
  const rows: StoredRow[] = [];
  for (let seq = 1; seq <= length; seq += 1)
    rows.push(rowOf(`${origin}-${seq}`, { origin, seq, previous: rows.at(-1)?.chain ?? GENESIS }));
  return rows;
}

function judge(records: readonly JudgedRecord[], { cut = new CutRows(), rows = held } = {}) {
  const violations = new Violations();
  const log = new LogJudge({ chain, held: rows, cut, violations });
  for (const record of records) log.visit(record);
  log.finish();
  return { found: violations.list().map(({ kind }) => kind), ...log.counters };
}

describe('the judge of the log', () => {
  it('finds nothing wrong with a log that holds what the replicas hold, also twice', () => {
    expect(judge(whole)).toEqual({ found: [], genuine: 3, strange: 0 });
    expect(judge([...whole, ...whole]).found).toEqual([]);
  });

  it('finds a row that the log lacks', () => {
    expect(judge(whole.slice(0, 2)).found).toEqual(['missing in the log']);
    expect(judge([recordOf(first), recordOf(third)]).found).toEqual(['missing in the log']);
  });

  it('forgives a log that retention has cut exactly the rows that it took', () => {
    const cut = cutOf(['a', 1]);
    expect(judge([recordOf(second, first.chain), recordOf(third)], { cut }).found).toEqual([]);
    expect(judge([recordOf(second, first.chain)], { cut }).found).toEqual(['missing in the log']);
    expect(judge([recordOf(first), recordOf(third)], { cut }).found).toEqual(['missing in the log']);
    expect(judge([], { cut: cutOf(['a', 1], ['a', 2], ['b', 1]) }).found).toEqual([]);
  });

  it('finds a row that was never in the log, also below others that retention took', () => {
    expect(judge([recordOf(third)], { cut: cutOf(['a', 2]) }).found).toEqual(['missing in the log']);
  });

  it('finds an origin that a reader in order could not follow from where a cut log begins', async () => {
    const run = runOf('c', 4);
    const rows = await judgeRows('order-1', fileOf(run), {
      knowledge: knowledge(run.map((row) => String(row.columns.product_id))),
      violations: new Violations(),
    });
    const [one, two, three, four] = run.map((row, index) => recordOf(row, run[index - 1]?.chain));
    if (!one || !two || !three || !four) throw new Error('the run is too short');
    const cut = cutOf(['c', 1], ['c', 2]);
    expect(judge([three, four], { cut, rows }).found).toEqual([]);
    expect(judge([two, one, three, four], { cut, rows }).found).toEqual([]);
    expect(judge([four, three], { cut, rows }).found).toEqual(['out of order']);
    // Row 3 went in behind row 4, which retention took: whoever begins here never gets row 4.
    expect(judge([three], { cut: cutOf(['c', 1], ['c', 2], ['c', 4]), rows }).found).toEqual([
      'out of order',
    ]);
  });

  it('finds a genuine event that no replica holds, and one that contradicts them', () => {
    const more = rowOf('p-3', { origin: 'b', seq: 2, previous: third.chain });
    expect(judge([...whole, recordOf(more, third.chain)]).found).toEqual(['in the log only']);
    expect(judge([...whole, recordOf(rowOf('p-3', { origin: 'b', seq: 1 }))]).found).toEqual(['forked']);
  });

  it('finds an origin that a reader in order could not follow', () => {
    expect(judge([recordOf(second, first.chain), recordOf(first), recordOf(third)]).found).toEqual([
      'out of order',
    ]);
  });

  it('counts what does not verify as strange, whatever it is', () => {
    const [record] = whole;
    if (record === undefined) throw new Error('there is none');
    const strange: JudgedRecord[] = [
      { ...record, value: null },
      { ...record, value: Buffer.from('{}') },
      { ...record, headers: {} },
      { ...record, headers: { ...record.headers, ce_seq: 'NaN' } },
      { ...record, headers: { ...record.headers, ce_origin: 'other' } },
    ];
    expect(judge([...whole, ...strange])).toEqual({ found: [], genuine: 3, strange: 5 });
  });
});
