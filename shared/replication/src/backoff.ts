/**
 * Backoff: how long to wait after the n-th failure in a row. One table for all retries of the library.
 */
import type { Random } from './surroundings.ts';

/** First wait, growth and bound of a kind of retry, in milliseconds. */
export interface BackoffPolicy {
  readonly firstMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

/** The retry policy of each loop. None of them gives up: the bound is on the wait, not on the number. */
export const policies = {
  connect: { firstMs: 200, factor: 2, maxMs: 1000 },
  publish: { firstMs: 100, factor: 2, maxMs: 1000 },
  /** Of rows that the log acknowledged and then did not have: a log that keeps losing must not be flooded. */
  lost: { firstMs: 100, factor: 2, maxMs: 5000 },
  /** Of a row that the broker finds too large: only its settings can change that. */
  tooLarge: { firstMs: 500, factor: 2, maxMs: 10_000 },
  /** Between two readers of the log, when the one before led nowhere. */
  reader: { firstMs: 100, factor: 2, maxMs: 10_000 },
  /** The wait after a relink before the next one, when the one before led nowhere. */
  relink: { firstMs: 500, factor: 2, maxMs: 60_000 },
  /** Between two rounds over all donors of a snapshot. */
  bootstrap: { firstMs: 500, factor: 2, maxMs: 10_000 },
  apply: { firstMs: 100, factor: 2, maxMs: 2000 },
} as const satisfies Record<string, BackoffPolicy>;

/** The wait after `failures` failures in a row, with up to a fifth of it taken off at random. */
export function backoffMs(policy: BackoffPolicy, failures: number, random: Random): number {
  const full = Math.min(policy.maxMs, policy.firstMs * policy.factor ** Math.min(failures - 1, 30));
  const [byte = 0] = random.bytes(1);
  return full * (1 - (0.2 * byte) / 255);
}
