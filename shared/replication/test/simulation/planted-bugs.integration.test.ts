/**
 * Planted bugs: each is caught by the seed that was recorded for it, and that seed passes without it, so nothing else is
 * what it catches. `pnpm simulate --bugs` looks for seeds, where a change of the library has moved histories.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { plantedBugs, runAlone } from '../../simulation/index.ts';

const recorded = JSON.parse(
  readFileSync(new URL('../../regression-seeds/planted-bugs.json', import.meta.url), 'utf8'),
) as Record<string, string>;

describe('planted bugs', () => {
  it('have a recorded seed each', () => {
    expect(plantedBugs.length).toBeGreaterThanOrEqual(26);
    expect(Object.keys(recorded).toSorted()).toEqual(plantedBugs.map(({ name }) => name).toSorted());
  });

  it.each(Object.entries(recorded))('%s is caught, and nothing is without it', async (bug, seed) => {
    const [caught, without] = await Promise.all([runAlone({ seed }, bug), runAlone({ seed })]);
    expect(caught.verdict).toBe('failed');
    expect(without.violations).toEqual([]);
    expect(without.verdict).toBe('passed');
  });
});
