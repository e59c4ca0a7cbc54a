import { describe, expect, it } from 'vitest';
import { DAMAGES } from '../../testing/damage.ts';
import { runDamageTrials } from '../../testing/damage-run.ts';

/** Three of each kind. */
const FILES = 3 * DAMAGES.length;

describe('a database that was damaged', () => {
  it(`in ${FILES} seeded ways is found, kept, rebuilt and reported, and no damage gets out`, async () => {
    const { results, problems, summary } = await runDamageTrials({ files: FILES, seed: 0 });
    console.log(summary);
    expect(problems).toEqual([]);
    // Damage that hits nothing must not be the rule, or the trial tries nothing.
    const taken = new Set(results.filter(({ outcome }) => outcome !== 'harmless').map(({ kind }) => kind));
    expect(taken.size).toBeGreaterThanOrEqual(DAMAGES.length - 2);
  }, 120_000);
});
