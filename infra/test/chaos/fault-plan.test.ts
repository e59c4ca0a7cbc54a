import { describe, expect, it } from 'vitest';
import { faultKinds, planFaults, planLines } from '../../src/chaos/fault-plan.ts';

describe('a plan of faults', () => {
  it('is the same for the same seed, and another one for another seed', () => {
    const plan = planLines(planFaults({ seed: 7, minutes: 10 }));
    expect(planLines(planFaults({ seed: 7, minutes: 10 }))).toEqual(plan);
    expect(planLines(planFaults({ seed: 8, minutes: 10 }))).not.toEqual(plan);
    // A recorded line: a plan stays what it was in later builds, or old seeds are worth nothing.
    expect(plan[0]).toMatchInlineSnapshot(
      `"replicas 1: after 829 ms terminate-replica, 0 ms, count 1, seed 12539012"`,
    );
  });

  it('begins like the plan of a shorter run', () => {
    const short = planFaults({ seed: 7, minutes: 1 });
    expect(planFaults({ seed: 7, minutes: 10 }).log.slice(0, short.log.length)).toEqual(short.log);
  });

  it('holds every kind of fault before one comes a second deck', () => {
    const { replicas, log } = planFaults({ seed: 1, minutes: 1 });
    expect(new Set([...replicas, ...log].map(({ kind }) => kind))).toEqual(new Set(faultKinds));
  });

  it('adds two replicas at most', () => {
    const { replicas } = planFaults({ seed: 3, minutes: 60 });
    expect(replicas.filter(({ kind }) => kind === 'add-replica')).toHaveLength(2);
  });

  it('can be held to some kinds', () => {
    const plan = planFaults({ seed: 3, minutes: 2, only: ['kill-broker', 'add-replica'] });
    expect(new Set(plan.log.map(({ kind }) => kind))).toEqual(new Set(['kill-broker']));
    expect(plan.replicas).toHaveLength(2);
  });
});
