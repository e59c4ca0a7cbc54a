import { describe, expect, it } from 'vitest';
import { fileOf } from '../../simulation/module-hooks.ts';
import { plantedBugs } from '../../simulation/planted-bugs.ts';

describe('planted bugs', () => {
  it('are at least twenty', () => {
    expect(plantedBugs.length).toBeGreaterThanOrEqual(20);
  });

  it.each(plantedBugs)('$name: the library has its text in exactly one place', (bug) => {
    expect(fileOf(bug)).toMatch(/\/src\/[a-z-]+\.ts$/);
    expect(bug.replace).not.toBe(bug.find);
  });
});
