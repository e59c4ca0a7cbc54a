import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { seededRandom } from '../../src/chaos/seeded-random.ts';
import { killInTurn } from '../../src/cluster/kill-in-turn.ts';

/** Replicas that are back at once, and what befell them; `onKill` is told how many kills there were. */
function replicas(onKill: (kills: number) => void) {
  const told: string[] = [];
  const one = (name: string) => {
    const victim = {
      name,
      pid: 1 as number | null,
      kill: (signal: NodeJS.Signals) => {
        told.push(`${signal} ${name}`);
        victim.pid = (victim.pid ?? 0) + 1;
        onKill(told.filter((what) => what.startsWith('SIG')).length);
      },
      ready: async () => void told.push(`ready ${name}`),
    };
    return victim;
  };
  return { all: ['order-1', 'order-2', 'order-3'].map(one), told };
}

const random = seededRandom(1);

it('kills the next replica when the last one is ready, until it is over, and counts', async () => {
  const over = new AbortController();
  const { all, told } = replicas((kills) => kills === 4 && over.abort());
  expect(await killInTurn({ replicas: all, random, nextMs: () => 0, backMs: 1000, over: over.signal })).toBe(
    4,
  );
  const names = told.map((what) => what.split(' ')[1]);
  expect(told.map((what) => what.split(' ')[0])).toEqual(
    Array.from({ length: 4 }, () => ['SIGKILL', 'ready']).flat(),
  );
  for (let kill = 0; kill < names.length; kill += 2) expect(names[kill]).toBe(names[kill + 1]);
});

it('keeps a failure for whoever looks at the end', async () => {
  const over = new AbortController();
  const { all } = replicas(() => undefined);
  const failed = Promise.withResolvers<void>();
  for (const victim of all)
    victim.ready = () => {
      failed.resolve();
      return Promise.reject(new Error('it is not back'));
    };
  const strays: unknown[] = [];
  const stray = (reason: unknown): void => void strays.push(reason);
  process.prependListener('unhandledRejection', stray);
  try {
    const killing = killInTurn({ replicas: all, random, nextMs: () => 0, backMs: 0, over: over.signal });
    await failed.promise;
    // Node tells of a rejection that nobody looks at when the turn is over.
    await turn();
    await turn();
    expect(strays).toEqual([]);
    await expect(killing).rejects.toThrow('it is not back');
  } finally {
    process.off('unhandledRejection', stray);
  }
});
