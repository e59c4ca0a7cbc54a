/**
 * Planted bugs: each is caught by the seed that was recorded for it. It is one of those that pass without the bug, which
 * `histories.simulation.test.ts` shows, so nothing else is what it catches. `pnpm simulate --bugs` looks for seeds, where a
 * change of the library has moved histories.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MAX_SEEDS, plantedBugs, runAlone } from '../../simulation/index.ts';

const recorded = JSON.parse(
  readFileSync(new URL('../../regression-seeds/planted-bugs.json', import.meta.url), 'utf8'),
) as Record<string, string>;

describe('planted bugs', () => {
  it('have a recorded seed each', () => {
    expect(plantedBugs.length).toBeGreaterThanOrEqual(26);
    expect(Object.keys(recorded).toSorted()).toEqual(plantedBugs.map(({ name }) => name).toSorted());
  });

  it.each(Object.entries(recorded))('%s is caught', async (bug, seed) => {
    expect(Number(seed)).toBeLessThanOrEqual(MAX_SEEDS);
    const { verdict } = await runAlone({ seed }, bug);
    expect(verdict).toBe('failed');
  });
});
