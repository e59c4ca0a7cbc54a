import { describe, expect, it } from 'vitest';
import { Loop } from '../src/loop.ts';
import { SimulatedClock } from '../testing/index.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function make(step: (run: number) => Promise<number> | number) {
  const clock = new SimulatedClock();
  const failures: unknown[] = [];
  let runs = 0;
  const loop = new Loop({
    clock,
    step: async () => {
      runs += 1;
      return step(runs);
    },
    failed: (error) => failures.push(error),
  });
  return { clock, loop, failures, runs: () => runs };
}

describe('a loop', () => {
  it('waits as long as its step says', async () => {
    const { clock, loop, runs } = make(() => 100);
    loop.start();
    await turn();
    clock.advance(99);
    await turn();
    expect(runs()).toBe(1);
    clock.advance(1);
    await turn();
    expect(runs()).toBe(2);
    await loop.stop();
  });

  it('runs at once when it is woken, and leaves no timer', async () => {
    const { clock, loop, runs } = make(() => 1000);
    loop.start();
    await turn();
    loop.wake();
    await turn();
    expect(runs()).toBe(2);
    await loop.stop();
    expect(clock.waiting).toBe(0);
  });

  it('does not lose a waking that comes while the step runs', async () => {
    let release: () => void = () => undefined;
    const { loop, runs } = make(async (run) => {
      if (run === 1) await new Promise<void>((resolve) => (release = resolve));
      return Number.POSITIVE_INFINITY;
    });
    loop.start();
    await turn();
    loop.wake();
    release();
    await turn();
    expect(runs()).toBe(2);
    await loop.stop();
  });

  it('stops only after the step that runs, and runs none afterwards', async () => {
    let release: () => void = () => undefined;
    let hasEnded = false;
    const { loop, runs } = make(async () => {
      await new Promise<void>((resolve) => (release = resolve));
      hasEnded = true;
      return 0;
    });
    loop.start();
    await turn();
    const stopping = loop.stop();
    release();
    await stopping;
    expect(hasEnded).toBe(true);
    loop.wake();
    await turn();
    expect(runs()).toBe(1);
  });

  it('ends with the error of a step and says so once', async () => {
    const { loop, failures, runs } = make(() => {
      throw new Error('broken');
    });
    loop.start();
    await turn();
    loop.wake();
    await loop.stop();
    expect(failures).toEqual([new Error('broken')]);
    expect(runs()).toBe(1);
  });

  it('can be stopped without having been started', async () => {
    const { loop, runs } = make(() => 0);
    await loop.stop();
    expect(runs()).toBe(0);
  });
});
