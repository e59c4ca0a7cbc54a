/**
 * Looks for a seed that catches a planted bug: the first of `seeds` whose history fails with the bug.
 */
import { runFleet } from './fleet.ts';
import type { HistoryResult } from './run-history.ts';

/** Seeds within which each planted bug has to be caught. */
export const MAX_SEEDS = 500;

/** The lowest seed that catches the bug, and what the checkers said; undefined where none of them does. */
export async function searchBug(
  bug: string,
  options: { workers: number },
): Promise<HistoryResult | undefined> {
  let next = 0;
  let caught: HistoryResult | undefined;
  await runFleet({
    workers: options.workers,
    bug,
    next: () => {
      next += 1;
      return caught || next > MAX_SEEDS ? undefined : { seed: String(next) };
    },
    ended: (result) => {
      const isLower = caught === undefined || Number(result.seed) < Number(caught.seed);
      if (result.verdict === 'failed' && isLower) caught = result;
    },
  });
  return caught;
}
