import { describe, expect, it } from 'vitest';
import { verdictOf } from '../../src/chaos/chaos-report.ts';
import type { DoneFault } from '../../src/chaos/fault-lane.ts';
import { planFaults } from '../../src/chaos/fault-plan.ts';

const [fault] = planFaults({ seed: 1, minutes: 1 }).log;
if (fault === undefined) throw new Error('the plan is empty');
const held: DoneFault = { fault, beganMs: 0, endedMs: 1, hasHeld: true, what: 'seen' };
const proof = { violations: [], faults: [held], acknowledged: 1, tokenReads: 1 };

describe('the verdict', () => {
  it('is passed only when every fault took hold and nothing was wrong', () => {
    expect(verdictOf(proof)).toBe('passed');
  });

  it('is failed when a promise was broken, whatever the faults did', () => {
    const broken = { invariant: 'I1', kind: 'lost', count: 1, examples: [] } as const;
    expect(verdictOf({ ...proof, violations: [broken], faults: [{ ...held, hasHeld: false }] })).toBe(
      'failed',
    );
  });

  it('is inconclusive when a fault did not take hold, or when there was none', () => {
    expect(verdictOf({ ...proof, faults: [held, { ...held, hasHeld: false }] })).toBe('inconclusive');
    expect(verdictOf({ ...proof, faults: [] })).toBe('inconclusive');
  });

  it('is inconclusive when no order was acknowledged, or none was read with its token', () => {
    expect(verdictOf({ ...proof, acknowledged: 0 })).toBe('inconclusive');
    expect(verdictOf({ ...proof, tokenReads: 0 })).toBe('inconclusive');
  });
});
