import { describe, expect, it } from 'vitest';
import { pacedLagMs } from '../../../src/bench/measures/lag.ts';

const answer = { placed: 4950, perSecond: 990, bad: 0, looked: 100, p50Ms: 5, p99Ms: 20 };

describe('the lag at a rate', () => {
  it('is the p99 where the rate was reached', () => {
    expect(pacedLagMs(answer)).toBe(20);
  });

  it.each([[{ perSecond: 900 }], [{ bad: 1 }]])(
    'meets no goal where the load was another one: %j',
    (other) => {
      expect(pacedLagMs({ ...answer, ...other })).toBe(Number.POSITIVE_INFINITY);
    },
  );
});
