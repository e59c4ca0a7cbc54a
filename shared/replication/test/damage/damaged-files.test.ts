import { describe, expect, it } from 'vitest';
import { DAMAGES } from '../../testing/damage.ts';
import { runDamageTrial, type TrialResult } from '../../testing/damage-trial.ts';

/** Three of each kind. */
const FILES = 3 * DAMAGES.length;
const AT_ONCE = 4;

describe('a database that was damaged', () => {
  it(`in ${FILES} seeded ways is found, kept, rebuilt and reported, and no damage gets out`, async () => {
    const results: TrialResult[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < FILES) {
        next += 1;
        results.push(await runDamageTrial(next - 1));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    const sum = (read: (result: TrialResult) => number): number =>
      results.reduce((total, result) => total + read(result), 0);
    console.log(
      `${results.length} damaged files: ${sum(({ unpublished }) => unpublished)} unpublished rows, ` +
        `${sum(({ salvaged }) => salvaged)} salvaged, ${sum(({ renewed }) => renewed)} as new rows, ` +
        `${sum(({ lost }) => lost)} lost and reported`,
    );
    expect(results.filter(({ problems }) => problems.length > 0)).toEqual([]);
    // Damage that hits nothing must not be the rule, or the trial tries nothing.
    const taken = new Set(results.filter(({ outcome }) => outcome !== 'harmless').map(({ kind }) => kind));
    expect(taken.size).toBeGreaterThanOrEqual(DAMAGES.length - 2);
  }, 120_000);
});
