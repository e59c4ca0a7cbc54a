import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type ContainerGround,
  ContainerStack,
  findEngine,
  startGround,
} from '../../testing/containers/index.ts';
import { assertConverged, assertNothingLostOrMade, placeOrders } from '../../testing/index.ts';

const engine = await findEngine();
let ground: ContainerGround;

beforeAll(async () => {
  if (!('absent' in engine)) ground = await startGround(engine);
});
beforeEach(({ skip }) => {
  if ('absent' in engine) skip(engine.absent);
});

describe('three order replicas in containers', () => {
  it('converge on what was written to all of them at once, down to their files', async () => {
    const stack = await ContainerStack.start({ ground });
    const load = await placeOrders({ urls: () => stack.orderUrls, count: 1500, clients: 24, name: 'all' });
    expect([...load.failures]).toEqual([]);
    await assertConverged(stack.orderUrls);
    assertNothingLostOrMade(await stack.copyDatabases(), [load]);
    await stack.stop();
  });
});
