import { describe, expect, it } from 'vitest';
import { interleaved, median, percentile } from '../../src/bench/interleaved.ts';

describe('interleaved rounds', () => {
  it('ask every contender once a round, the order turned about each time', async () => {
    const asked: string[] = [];
    const contender = (name: string) => async () => asked.push(name);
    await interleaved({ a: contender('a'), b: contender('b') }, { rounds: 3 });
    expect(asked.join('')).toBe('abbaab');
  });

  it('give the median of each, which one bad round does not move', async () => {
    const values = { a: [10, 1000, 12], b: [5, 4, 0] };
    const next = (name: 'a' | 'b') => async () => values[name].shift() ?? Number.NaN;
    expect(await interleaved({ a: next('a'), b: next('b') }, { rounds: 3 })).toEqual({ a: 12, b: 4 });
  });

  it('end between two contenders when they are called off', async () => {
    const calledOff = new AbortController();
    const asked: string[] = [];
    const contenders = {
      a: async () => {
        calledOff.abort();
        return asked.push('a');
      },
      b: async () => asked.push('b'),
    };
    await expect(interleaved(contenders, { rounds: 2, signal: calledOff.signal })).rejects.toThrow(/abort/i);
    expect(asked).toEqual(['a']);
  });
});

describe('median', () => {
  it.each([
    [[3], 3],
    [[3, 1, 2], 2],
    [[4, 1, 3, 2], 2.5],
    [[], Number.NaN],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });
});

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, n) => 100 - n);
  it.each([
    [0.5, 50],
    [0.99, 99],
    [1, 100],
    [0, 1],
  ])('%d of 1..100 is %d', (share, expected) => {
    expect(percentile(hundred, share)).toBe(expected);
  });
});
