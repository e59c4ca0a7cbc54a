import { describe, expect, it } from 'vitest';
import { addCleanup, cleanUp, runAll, type Step } from '../../testing/containers/cleanup.ts';

/** Notes that it ran; fails when it is told to. */
const step =
  (did: string[], name: string, failure?: string): Step =>
  async () => {
    did.push(name);
    if (failure !== undefined) throw new Error(failure);
  };

describe('a cleanup', () => {
  it('does everything, also behind what fails, and tells what failed', async () => {
    const did: string[] = [];
    const one = runAll([step(did, 'a'), step(did, 'b', 'in use'), step(did, 'c')]);
    await expect(one).rejects.toThrow(/^in use$/);
    const two = runAll([step(did, 'd', 'no engine'), step(did, 'e', 'in use')]);
    await expect(two).rejects.toThrow('Error: no engine\nError: in use');
    expect(did).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('of a test file begins with what came last, and does nothing twice', async () => {
    const did: string[] = [];
    addCleanup(step(did, 'network'));
    addCleanup(step(did, 'container', 'it hangs'));
    await expect(cleanUp()).rejects.toThrow('it hangs');
    await cleanUp();
    expect(did).toEqual(['container', 'network']);
  });
});
