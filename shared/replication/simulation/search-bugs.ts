/**
 * Looks for a seed that catches a planted bug: the first of some seeds whose history fails with the bug.
 */
import { runFleet } from './fleet.ts';
import type { HistoryResult } from './run-history.ts';

/** Seeds within which each planted bug has to be caught. */
export const MAX_SEEDS = 500;

/**
 * What the first seed that catches the bug came to, and how many were tried. `first` is tried before all others: a
 * seed that caught it before.
 */
export async function searchBug(
  bug: string,
  options: { readonly workers: number; readonly first?: string | undefined },
): Promise<{ caught: HistoryResult | undefined; tried: number }> {
  const seeds = [
    ...(options.first ? [options.first] : []),
    ...Array.from({ length: MAX_SEEDS }, (_, i) => String(i + 1)),
  ];
  let tried = 0;
  let caught: HistoryResult | undefined;
  await runFleet({
    workers: options.workers,
    bug,
    next: () => {
      const seed = caught ? undefined : seeds[tried];
      tried += 1;
      return seed === undefined ? undefined : { seed };
    },
    ended: (result) => {
      if (result.verdict === 'failed') caught ??= result;
    },
    isOver: () => caught !== undefined,
  });
  return { caught, tried: Math.min(tried, seeds.length) };
}
