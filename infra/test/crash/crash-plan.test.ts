import { steps } from '@dbsync/replication';
import { describe, expect, it } from 'vitest';
import { planCrashes, situations } from '../../src/crash/crash-plan.ts';

describe('the plan of a crash matrix', () => {
  it('takes every moment in every situation', () => {
    for (const isTwice of [false, true]) {
      const taken = planCrashes({ seed: 1, isTwice }).map(({ step, situation }) => `${step} ${situation}`);
      const all = steps.flatMap((step) => situations.map((situation) => `${step} ${situation}`));
      expect(taken.toSorted()).toEqual(all.toSorted());
    }
  });

  it('is the same for the same seed, and kills again only where it should', () => {
    const options = { seed: 5, isTwice: true };
    expect(planCrashes(options)).toEqual(planCrashes(options));
    expect(planCrashes(options)).not.toEqual(planCrashes({ ...options, seed: 6 }));
    expect(planCrashes({ seed: 5, isTwice: false }).every(({ second }) => second === null)).toBe(true);
  });
});
