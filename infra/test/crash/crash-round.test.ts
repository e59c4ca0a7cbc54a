import { describe, expect, it } from 'vitest';
import { planCrashes } from '../../src/crash/crash-plan.ts';
import { CrashTurns } from '../../src/crash/crash-round.ts';

const crashes = planCrashes({ seed: 1, isTwice: false }).filter(({ situation }) => situation === 'load');
const stepsOf = (taken: readonly ({ step: string } | undefined)[]) => taken.map((crash) => crash?.step);

describe('the turns of a round', () => {
  it('take every crash once', () => {
    const turns = new CrashTurns(crashes);
    const taken: string[] = [];
    for (let crash = turns.take(); crash !== undefined; crash = turns.take()) {
      taken.push(crash.step);
      turns.over(crash);
    }
    expect(taken.toSorted()).toEqual(crashes.map(({ step }) => step).toSorted());
  });

  it('take one directory away at a time, and go on with others meanwhile', () => {
    const turns = new CrashTurns(crashes);
    const first = turns.take();
    const beside = crashes.slice(0, 12).map(() => turns.take());
    expect(first?.step).toBe('bootstrap:received');
    expect(stepsOf(beside)).toEqual(stepsOf(crashes.slice(0, 12)));
    expect(turns.take()).toBeUndefined();
    if (first !== undefined) turns.over(first);
    expect(turns.take()?.step).toBe('bootstrap:before-commit');
  });
});
