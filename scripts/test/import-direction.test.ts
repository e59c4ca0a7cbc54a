import { checkImports, readSources } from '@dbsync/infra';
import { describe, expect, it } from 'vitest';

describe('imports of this repository', () => {
  it('point down only, and keep each outside thing in its one place', () => {
    const files = readSources();
    expect(files.length).toBeGreaterThan(50);
    const breaches = checkImports(files).map(({ rule, where, what }) => `${where}: ${what} (${rule})`);
    expect(breaches).toEqual([]);
  });
});
