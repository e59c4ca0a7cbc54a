import { describe, expect, it } from 'vitest';
import type { WatchedGround } from '../../src/chaos/chaos-ground.ts';
import { Claims } from '../../src/chaos/claims.ts';
import { deleteTopic } from '../../src/chaos/topic-faults.ts';
import { CutRows } from '../../src/judge/cut-rows.ts';
import { quietLook, serveStatus } from './status-server.ts';

/** The part of a ground that faults of the topic touch. */
function groundOf(replicas: readonly { readonly name: string; readonly url: string }[]) {
  const topic = {
    offsets: async () => [{ partition: 0, low: 0, end: 7 }],
    drop: async () => undefined,
  };
  const cut = new CutRows();
  const ground = { claims: new Claims(), cluster: { replicas }, topic, cut };
  return { cut, ground: ground as unknown as WatchedGround };
}

describe('a deleted topic', () => {
  it('has to be filled from the first row on, whatever retention took from the one before', async () => {
    await using replica = await serveStatus((number) => ({
      ...quietLook,
      counters: { ...quietLook.counters, relinks: number - 1 },
    }));
    const { cut, ground } = groundOf([replica]);
    cut.add({ origin: 'a', seq: 1 });
    await deleteTopic(ground);
    expect([cut.prefix('a'), cut.has('a', 1)]).toEqual([0, false]);
  });
});
