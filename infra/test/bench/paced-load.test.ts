import { describe, expect, it } from 'vitest';
import { loadAtPace } from '../../src/bench/paced-load.ts';

/** A load of a second at 100 a second, on a clock that goes on by 10 ms a pause. */
async function load(
  work: (number: number, done: () => void) => Promise<void>,
  { maxUnderWay = 500, paused = (_nowMs: number) => {} } = {},
) {
  let nowMs = 0;
  const begun: number[] = [];
  const { perSecond, over } = await loadAtPace({
    perSecond: 100,
    seconds: 1,
    maxUnderWay,
    work: (number, done) => {
      begun.push(number);
      return work(number, done);
    },
    now: () => nowMs,
    pause: async () => {
      nowMs += 10;
      paused(nowMs);
    },
  });
  await over;
  return { begun, perSecond };
}

describe('a load at a pace', () => {
  it('has reached its rate with what is done at once', async () => {
    const { begun, perSecond } = await load(async (_number, done) => done());
    expect(begun).toEqual(Array.from({ length: 100 }, (_, number) => number));
    expect(perSecond).toBe(100);
  });

  it('begins work whatever becomes of what was begun before, and counts nothing that is done after its time', async () => {
    const isOver = Promise.withResolvers<void>();
    let done = 0;
    const { begun, perSecond } = await load(
      async (_number, count) => {
        await isOver.promise;
        done += 1;
        count();
      },
      { paused: (nowMs) => void (nowMs >= 1000 && setImmediate(isOver.resolve)) },
    );
    expect([begun.length, done, perSecond]).toEqual([100, 100, 0]);
  });

  it('leaves out what would be too much at once, which is missing in its rate', async () => {
    const isOver = Promise.withResolvers<void>();
    const { begun } = await load(() => isOver.promise, {
      maxUnderWay: 3,
      paused: (nowMs) => void (nowMs >= 1000 && setImmediate(isOver.resolve)),
    });
    expect(begun).toEqual([0, 1, 2]);
  });
});
