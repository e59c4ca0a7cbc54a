/**
 * Planted bugs that have no recorded seed: each is caught within the first five hundred, and the seed that catches it
 * passes without it. The one to record is printed; `pnpm simulate --bugs --report FILE` searches for all.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { plantedBugs, runAlone, searchBug } from '../../simulation/index.ts';

const recorded = JSON.parse(
  readFileSync(new URL('../../regression-seeds/planted-bugs.json', import.meta.url), 'utf8'),
) as Record<string, string>;

describe('planted bugs without a recorded seed', () => {
  it.each(plantedBugs.map(({ name }) => name).filter((name) => !(name in recorded)))(
    '%s is caught, and nothing is without it',
    async (name) => {
      const { caught } = await searchBug(name, { workers: availableParallelism(), first: undefined });
      expect(caught?.verdict).toBe('failed');
      const seed = caught?.seed ?? '';
      process.stdout.write(`'${name}' was caught by seed ${seed}; record it\n`);
      const without = await runAlone({ seed });
      expect(without.violations).toEqual([]);
      expect(without.verdict).toBe('passed');
    },
  );
});
