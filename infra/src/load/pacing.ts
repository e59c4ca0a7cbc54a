/**
 * The pace of a load: no more than wanted goes out in a second, and what was not sent in time is not made up for.
 */
import { setTimeout as pause } from 'node:timers/promises';

/** Makes the wait of one request for its turn. Without a rate nobody waits; `signal` ends a wait at once. */
export function pacing({
  ratePerSecond,
  signal,
}: {
  readonly ratePerSecond?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}): () => Promise<void> {
  let nextMs = performance.now();
  return async () => {
    if (ratePerSecond === undefined) return;
    const now = performance.now();
    const dueMs = Math.max(nextMs, now);
    nextMs = dueMs + 1000 / ratePerSecond;
    if (dueMs - now > 1) await pause(dueMs - now, undefined, { signal }).catch(() => undefined);
  };
}
