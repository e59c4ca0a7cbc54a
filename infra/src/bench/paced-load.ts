/**
 * A load at a pace: work is begun at a rate, whatever becomes of what was begun before.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** How a load is paced. */
export interface PacedLoadOptions {
  /** Pieces of work that are begun a second. */
  readonly perSecond: number;
  readonly seconds: number;
  /** Pieces under way at most: beyond that the machine cannot do it, and nobody should make it worse. */
  readonly maxUnderWay: number;
  /** Does piece `number`, and calls `done` where it is done; never rejects. */
  readonly work: (number: number, done: () => void) => Promise<void>;
  /** Milliseconds of a clock that only goes forward; default: the real one. */
  readonly now?: () => number;
  /** Waits for a moment of that clock. */
  readonly pause?: () => Promise<unknown>;
}

/**
 * Begins work for `seconds`. `perSecond` is what was done by then, a second: what is done later was not done at this
 * rate. `over` resolves when everything that was begun has ended.
 */
export async function loadAtPace(
  options: PacedLoadOptions,
): Promise<{ perSecond: number; over: Promise<unknown> }> {
  const { perSecond, seconds, maxUnderWay, work } = options;
  const { now = () => performance.now(), pause = () => sleep(1) } = options;
  const underWay = new Set<Promise<void>>();
  let done = 0;
  const begunMs = now();
  const untilMs = begunMs + seconds * 1000;
  for (let number = 0; now() < untilMs; ) {
    const due = Math.floor(((now() - begunMs) / 1000) * perSecond);
    for (; number <= due; number += 1) {
      // What the machine did not take in time is left out, and missing in the rate.
      if (underWay.size >= maxUnderWay) continue;
      const one: Promise<void> = work(number, () => {
        done += 1;
      }).finally(() => underWay.delete(one));
      underWay.add(one);
    }
    await pause();
  }
  return { perSecond: (done * 1000) / (now() - begunMs), over: Promise.all(underWay) };
}
