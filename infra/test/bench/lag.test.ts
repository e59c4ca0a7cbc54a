import { describe, expect, it } from 'vitest';
import { atRate } from '../../src/bench/lag.ts';

describe('a figure at a rate', () => {
  it('is what it is where the rate was reached', () => {
    expect(atRate(20, { perSecond: 990, bad: 0 }, 1000)).toBe(20);
  });

  it.each([
    { perSecond: 900, bad: 0 },
    { perSecond: 990, bad: 1 },
  ])('meets no goal where the load was another one: %j', (load) => {
    expect(atRate(20, load, 1000)).toBe(Number.POSITIVE_INFINITY);
  });
});
