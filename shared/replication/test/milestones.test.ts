import { describe, expect, it } from 'vitest';
import { Milestones } from '../src/milestones.ts';
import { SimulatedClock } from '../testing/index.ts';

function make(maxWaiters = 10) {
  const clock = new SimulatedClock();
  return { clock, milestones: new Milestones({ clock, maxWaiters }) };
}

describe('waiting for a milestone', () => {
  it('ends with true when it is reached or passed, and not before', async () => {
    const { milestones } = make();
    const outcomes: string[] = [];
    const exact = milestones.wait('a', 5, 1000).then((is) => outcomes.push(`5 ${is}`));
    const lower = milestones.wait('a', 3, 1000).then((is) => outcomes.push(`3 ${is}`));
    milestones.reached('a', 2);
    milestones.reached('b', 99);
    expect(milestones.waiting).toBe(2);
    milestones.reached('a', 4);
    await lower;
    expect(outcomes).toEqual(['3 true']);
    milestones.reached('a', 5);
    await exact;
    expect(outcomes).toEqual(['3 true', '5 true']);
    expect(milestones.waiting).toBe(0);
  });

  it('ends with false at the deadline, and leaves no timer behind when it ended before', async () => {
    const { clock, milestones } = make();
    const late = milestones.wait('a', 5, 1000);
    const early = milestones.wait('a', 1, 1000);
    milestones.reached('a', 1);
    expect(await early).toBe(true);
    expect(clock.waiting).toBe(1);
    clock.advance(999);
    expect(milestones.waiting).toBe(1);
    clock.advance(1);
    expect(await late).toBe(false);
    expect(clock.waiting).toBe(0);
    milestones.reached('a', 5);
  });

  it('ends with false when everybody gives up', async () => {
    const { clock, milestones } = make();
    const waits = [
      milestones.wait('a', 1, 1000),
      milestones.wait('a', 2, 1000),
      milestones.wait('b', 1, 1000),
    ];
    milestones.giveUp();
    expect(await Promise.all(waits)).toEqual([false, false, false]);
    expect(milestones.waiting).toBe(0);
    expect(clock.waiting).toBe(0);
  });

  it('is refused beyond the bound and possible again when somebody left', async () => {
    const { milestones } = make(2);
    const first = milestones.wait('a', 1, 1000);
    void milestones.wait('a', 2, 1000);
    expect(() => milestones.wait('b', 1, 1000)).toThrow(/2 callers wait/);
    milestones.reached('a', 1);
    await first;
    expect(() => void milestones.wait('b', 1, 1000)).not.toThrow();
  });
});
