import { describe, expect, it } from 'vitest';
import { judge, type Measured, tableLines } from '../../src/bench/bench-row.ts';

const measured: Measured = {
  measure: 'writes',
  unit: '/s',
  ours: 900,
  limit: 1000,
  goal: { kind: 'at least', value: 0.9 },
};

const taken = { isQuick: false, takenAt: '2026-11-25T12:00:00.000Z' };

describe('judge', () => {
  it('holds the ratio of ours to the limit against the goal, the goal itself included', () => {
    expect(judge(measured, taken)).toEqual({
      measure: 'writes',
      unit: '/s',
      ours: 900,
      limit: 1000,
      ratio: 0.9,
      goal: 'ratio >= 0.9',
      met: true,
      ...taken,
    });
    expect(judge({ ...measured, ours: 899 }, taken).met).toBe(false);
  });

  it('wants at most the goal where less is better', () => {
    const lag = { ...measured, unit: 'ms', goal: { kind: 'at most', value: 2 } } as const;
    expect(judge({ ...lag, ours: 2, limit: 1 }, taken).met).toBe(true);
    expect(judge({ ...lag, ours: 2.01, limit: 1 }, taken)).toMatchObject({
      ratio: 2.01,
      goal: 'ratio <= 2',
      met: false,
    });
  });

  it('holds the value itself against a goal that is about it, with or without a limit', () => {
    const goal = { kind: 'at most', value: 120, isAbsolute: true } as const;
    const memory = { ...measured, unit: 'MB', goal };
    expect(judge({ ...memory, ours: 120, limit: null }, taken)).toMatchObject({
      ratio: null,
      goal: 'ours <= 120 MB',
      met: true,
    });
    expect(judge({ ...memory, ours: 121, limit: 1000 }, taken).met).toBe(false);
  });

  it.each([
    [Number.NaN, 1],
    [1, 0],
    [0, 0],
    [1, null],
  ])('meets no goal with a ratio that is no number (%d against %d)', (ours, limit) => {
    expect(judge({ ...measured, ours, limit }, taken).met).toBe(false);
  });
});

describe('a limit that could not be had', () => {
  it('is met by nothing, also where less is better', () => {
    const goal = { kind: 'at most', value: 1.2 } as const;
    expect(judge({ ...measured, ours: 1, limit: Number.POSITIVE_INFINITY, goal }, taken).met).toBe(false);
  });
});

describe('the table', () => {
  it('has a line for each row, with three digits that count', () => {
    const rows = [
      judge({ ...measured, ours: 12_345.6, limit: 9876.5 }, taken),
      judge(
        {
          ...measured,
          measure: 'memory, idle',
          unit: 'MB',
          ours: 1.23456,
          limit: null,
          goal: { kind: 'at most', value: 1, isAbsolute: true },
        },
        taken,
      ),
    ];
    expect(tableLines(rows)).toEqual([
      'measure           ours    limit  ratio  goal',
      'writes        12346 /s  9877 /s   1.25  ratio >= 0.9  met',
      'memory, idle   1.23 MB                  ours <= 1 MB  NOT MET',
    ]);
  });
});
