/**
 * The ground of one test file: started before its tests, which are skipped with the reason where there is no engine.
 */
import { beforeAll, beforeEach } from 'vitest';
import { type ContainerGround, startGround } from './container-stack.ts';
import { findEngine } from './engine.ts';

/** Call it once at the top of a test file; its tests ask the answer for the ground. */
export async function layGround(): Promise<() => ContainerGround> {
  const engine = await findEngine();
  let ground: ContainerGround | undefined;
  beforeAll(async () => {
    if (!('absent' in engine)) ground = await startGround(engine);
  });
  beforeEach(({ skip }) => {
    if ('absent' in engine) skip(engine.absent);
  });
  return () => {
    if (ground === undefined) throw new Error('the ground is not laid before the tests begin');
    return ground;
  };
}
