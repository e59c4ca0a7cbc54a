import { describe, expect, it } from 'vitest';
import { verdictOf } from '../../src/chaos/chaos-report.ts';
import type { DoneFault } from '../../src/chaos/fault-lane.ts';
import { planFaults } from '../../src/chaos/fault-plan.ts';

const [fault] = planFaults({ seed: 1, minutes: 1 }).log;
if (fault === undefined) throw new Error('the plan is empty');
const held: DoneFault = { fault, beganMs: 0, endedMs: 1, hasHeld: true, what: 'seen' };

describe('the verdict', () => {
  it('is passed only when every fault took hold and nothing was wrong', () => {
    expect(verdictOf({ violations: [], faults: [held] })).toBe('passed');
  });

  it('is failed when a promise was broken, whatever the faults did', () => {
    const broken = { invariant: 'I1', kind: 'lost', count: 1, examples: [] } as const;
    expect(verdictOf({ violations: [broken], faults: [{ ...held, hasHeld: false }] })).toBe('failed');
  });

  it('is inconclusive when a fault did not take hold, or when there was none', () => {
    expect(verdictOf({ violations: [], faults: [held, { ...held, hasHeld: false }] })).toBe('inconclusive');
    expect(verdictOf({ violations: [], faults: [] })).toBe('inconclusive');
  });
});
