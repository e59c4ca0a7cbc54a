import { describe, expect, it } from 'vitest';
import { type JudgedRecord, LogJudge } from '../../src/judge/log-judge.ts';
import { judgeRows } from '../../src/judge/rows-judge.ts';
import { Violations } from '../../src/judge/violations.ts';
import { chain, fileOf, goodRows, knowledge, recordOf, rowOf } from './planted.ts';

const [first, second, third] = goodRows();
const held = await judgeRows('order-1', fileOf([first, second, third]), {
  knowledge: knowledge(),
  violations: new Violations(),
});
const whole = [recordOf(first), recordOf(second, first.chain), recordOf(third)];

function judge(records: readonly JudgedRecord[], cut?: ReadonlyMap<string, number>) {
  const violations = new Violations();
  const log = new LogJudge({ chain, held, violations });
  for (const record of records) log.visit(record);
  log.finish({ cut });
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

  it('forgives a log that retention has cut what there was then, and nothing that came later', () => {
    const cut = new Map([['a', 1]]);
    expect(judge([recordOf(second, first.chain), recordOf(third)], cut).found).toEqual([]);
    expect(judge([recordOf(second, first.chain)], cut).found).toEqual(['missing in the log']);
    expect(judge([recordOf(first), recordOf(third)], cut).found).toEqual(['missing in the log']);
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
