/**
 * The verdict over a history, on small plans whose end is known.
 */
import { describe, expect, it } from 'vitest';
import { runAlone } from '../../simulation/fleet.ts';
import type { Fault, Plan } from '../../simulation/plan.ts';

const fault = (change: Pick<Fault, 'atMs' | 'kind'> & Partial<Fault>): Fault => ({
  pick: 0,
  also: 0,
  forMs: 1000,
  ...change,
});

/** A topic that is made anew, and so ends before every position, while nobody can look. */
const goneUnseen: Plan = {
  seed: 'verdict',
  replicas: 4,
  operations: [{ atMs: 18_268, kind: 'write', client: 1, pick: 0, isLogged: false }],
  faults: [
    fault({ atMs: 18_501, kind: 'broker away', forMs: 4000 }),
    fault({ atMs: 22_211, kind: 'recreated topic' }),
  ],
};

describe('the verdict over a history', () => {
  it('is passed where all is quiet in time and every fault took hold', async () => {
    const { verdict, violations, faults } = await runAlone({ plan: goneUnseen });
    expect({ verdict, violations }).toEqual({ verdict: 'passed', violations: [] });
    expect(faults.map(({ effect }) => effect)).toEqual([expect.any(String), expect.any(String)]);
  });

  it('is failed by I9 where something stays unpublished after the last fault', async () => {
    const { verdict, violations } = await runAlone(
      { plan: goneUnseen },
      'a log that ends too early is no matter',
    );
    expect({ verdict, rules: violations.map(({ rule }) => rule) }).toEqual({
      verdict: 'failed',
      rules: ['I9'],
    });
    expect(violations[0]?.what).toContain('unpublished');
  });

  it('is inconclusive where nothing is wrong and a fault did not take hold', async () => {
    const nobody: Plan = {
      seed: 'verdict',
      replicas: 0,
      operations: [],
      faults: [fault({ atMs: 10, kind: 'clock jump' })],
    };
    expect(await runAlone({ plan: nobody })).toMatchObject({
      verdict: 'inconclusive',
      violations: [],
      faults: [{ kind: 'clock jump', effect: null }],
    });
  });
});
