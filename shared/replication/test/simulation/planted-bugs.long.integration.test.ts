/**
 * Planted bugs: each is caught within the first five hundred seeds, and the seed that catches it passes without it. The
 * seed that caught it last time goes first (`pnpm simulate --bugs --report FILE` finds them all); when the library
 * has changed so much that it does not any more, the others are tried, and the one to record is printed.
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { plantedBugs, runAlone, searchBug } from '../../simulation/index.ts';

const recorded = JSON.parse(
  readFileSync(new URL('../../regression-seeds/planted-bugs.json', import.meta.url), 'utf8'),
) as Record<string, string>;

describe('planted bugs', () => {
  it.each(plantedBugs.map(({ name }) => name))('%s is caught, and nothing is without it', async (name) => {
    const first = recorded[name];
    const { caught } = await searchBug(name, { workers: availableParallelism(), first });
    expect(caught?.verdict).toBe('failed');
    const seed = caught?.seed ?? '';
    if (seed !== first) process.stdout.write(`'${name}' was caught by seed ${seed}; record it\n`);
    const without = await runAlone({ seed });
    expect(without.violations).toEqual([]);
    expect(without.verdict).toBe('passed');
  });
});
