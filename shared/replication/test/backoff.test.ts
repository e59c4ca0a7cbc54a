import { describe, expect, it } from 'vitest';
import { backoffMs, policies } from '../src/backoff.ts';

const steady = { bytes: () => Buffer.from([0]) };
const hasty = { bytes: () => Buffer.from([255]) };

describe('the wait after failures in a row', () => {
  it('grows from the first wait up to the bound and never beyond it', () => {
    const policy = { firstMs: 100, factor: 2, maxMs: 1000 };
    expect([1, 2, 3, 4, 5, 6, 1000].map((failures) => backoffMs(policy, failures, steady))).toEqual([
      100, 200, 400, 800, 1000, 1000, 1000,
    ]);
  });

  it('is shortened at random by at most a fifth, so that replicas do not knock together', () => {
    const policy = { firstMs: 100, factor: 2, maxMs: 1000 };
    expect(backoffMs(policy, 1, hasty)).toBeCloseTo(80);
    expect(backoffMs(policy, 9, hasty)).toBeCloseTo(800);
  });

  it('is bounded for every loop of the library', () => {
    for (const policy of Object.values(policies)) {
      expect(backoffMs(policy, 50, steady)).toBe(policy.maxMs);
      expect(policy.maxMs).toBeLessThanOrEqual(60_000);
    }
  });
});
