import { afterEach, describe, expect, it } from 'vitest';
import type { ChangeLog } from '../src/change-log.ts';
import { assertOurLog } from '../src/survey.ts';
import { SimulatedClock, testChain } from '../testing/index.ts';

const offsets = [{ partition: 0, low: 0, end: 5 }];
const unhandled: unknown[] = [];
const keep = (error: unknown): void => void unhandled.push(error);

process.on('unhandledRejection', keep);
afterEach(() => {
  unhandled.length = 0;
});

/** A log whose readers start as `follow` says. */
function logThat(follow: ChangeLog['follow']): ChangeLog {
  return { follow } as ChangeLog;
}

/** Rejections count as unhandled only after the microtasks and one turn of the event loop. */
const oneTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('looking whose log it is', () => {
  it('leaves no timer behind when the reader does not start', async () => {
    const clock = new SimulatedClock();
    const log = logThat(() => Promise.reject(new Error('no broker')));
    await expect(assertOurLog({ log, offsets, chain: testChain, clock })).rejects.toThrow('no broker');
    clock.advance(60_000);
    await oneTurn();
    expect(unhandled).toEqual([]);
  });

  it('that takes too long while the reader starts is told to the caller alone', async () => {
    const clock = new SimulatedClock();
    const started = Promise.withResolvers<void>();
    const log = logThat(async () => {
      await started.promise;
      return { stop: async () => undefined, seek: () => undefined };
    });
    const looking = expect(assertOurLog({ log, offsets, chain: testChain, clock })).rejects.toThrow(/longer/);
    clock.advance(60_000);
    await oneTurn();
    expect(unhandled).toEqual([]);
    started.resolve();
    await looking;
  });
});
