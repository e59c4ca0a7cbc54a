import { describe, expect, it } from 'vitest';
import { connectionBound } from '../src/connection-bound.ts';

describe('the bound on connections', () => {
  it.each([
    ['is what was asked for where there are descriptors enough', 1000, 65_536, 1000, 900],
    ['leaves descriptors for everything else', 4096, 1024, 960, 864],
    ['never shuts everybody out', 4096, 10, 2, 1],
  ])('%s', (_, asked, descriptors, accepted, served) => {
    expect(connectionBound(asked, descriptors)).toEqual({ accepted, served });
  });

  it('is finite whatever the process may open', () => {
    expect(connectionBound().accepted).toBeLessThanOrEqual(4096);
  });
});
