/**
 * A campaign: many seeds one after another, counted, with what failed kept.
 */
import { runFleet } from './fleet.ts';
import type { HistoryResult } from './run-history.ts';

/** What came of a campaign; the JSON report is this. */
export interface CampaignReport {
  readonly firstSeed: number;
  readonly histories: number;
  readonly passed: number;
  readonly failed: readonly HistoryResult[];
  /** Nothing was proven: a fault did not take hold, or the history came to no end. */
  readonly inconclusive: readonly HistoryResult[];
  /** Faults that took hold, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  /** Crashes by the named moment at which they happened; `elsewhere` for those that waited too long. */
  readonly crashes: Readonly<Record<string, number>>;
  readonly operations: number;
  readonly rows: { readonly attempted: number; readonly acknowledged: number; readonly excused: number };
  /** Operations and faults of the poorest history. */
  readonly fewest: { readonly operations: number; readonly faults: number };
  /** Longest simulated time until all was quiet after the last fault, in milliseconds. */
  readonly longestDrainMs: number;
  readonly tookMs: number;
}

/** Runs `histories` seeds from `firstSeed` on. */
export async function runCampaign(options: {
  readonly firstSeed: number;
  readonly histories: number;
  readonly workers: number;
  readonly ended?: (result: HistoryResult, done: number) => void;
}): Promise<CampaignReport> {
  const { firstSeed, histories, workers } = options;
  const startedMs = performance.now();
  const results: HistoryResult[] = [];
  let next = firstSeed;
  await runFleet({
    workers,
    next: () => {
      if (next >= firstSeed + histories) return undefined;
      next += 1;
      return { seed: String(next - 1) };
    },
    ended: (result) => {
      results.push(result);
      options.ended?.(result, results.length);
    },
  });
  const sum = (of: (result: HistoryResult) => number): number =>
    results.reduce((total, result) => total + of(result), 0);
  const held = results.flatMap(({ faults }) => faults.filter(({ effect }) => effect !== null));
  return {
    firstSeed,
    histories: results.length,
    passed: results.filter(({ verdict }) => verdict === 'passed').length,
    failed: results.filter(({ verdict }) => verdict === 'failed'),
    inconclusive: results.filter(({ verdict }) => verdict === 'inconclusive' || verdict === 'unanswered'),
    faults: countBy(held.map(({ kind }) => kind)),
    crashes: countBy(held.filter(({ kind }) => kind === 'crash').map(({ effect }) => String(effect))),
    operations: sum(({ operations }) => operations.begun),
    rows: {
      attempted: sum(({ rows }) => rows.attempted),
      acknowledged: sum(({ rows }) => rows.acknowledged),
      excused: sum(({ rows }) => rows.excused),
    },
    fewest: {
      operations: Math.min(...results.map(({ operations }) => operations.begun)),
      faults: Math.min(...results.map(({ faults }) => faults.filter(({ effect }) => effect !== null).length)),
    },
    longestDrainMs: Math.max(0, ...results.map(({ drainMs }) => drainMs)),
    tookMs: Math.round(performance.now() - startedMs),
  };
}

function countBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
