/**
 * Makes a failing plan smaller: faults and operations are taken out, in ever smaller pieces, as long as it still fails.
 */

import type { Plan } from './plan.ts';
import type { HistoryResult } from './run-history.ts';

/** Histories that shrinking may take. */
const MAX_RUNS = 120;

/** The smallest plan found that still breaks one of the rules that the first one broke. */
export async function shrinkPlan(
  plan: Plan,
  failure: HistoryResult,
  run: (plan: Plan) => Promise<HistoryResult>,
): Promise<{ plan: Plan; runs: number }> {
  const rules = new Set(failure.violations.map(({ rule }) => rule));
  let smallest = plan;
  let runs = 0;
  for (const part of ['faults', 'operations'] as const) {
    for (let size = Math.ceil(smallest[part].length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let start = 0; start < smallest[part].length && runs < MAX_RUNS; ) {
        const rest = [...smallest[part].slice(0, start), ...smallest[part].slice(start + size)];
        const smaller: Plan = { ...smallest, [part]: rest };
        runs += 1;
        const result = await run(smaller);
        if (result.violations.some(({ rule }) => rules.has(rule))) smallest = smaller;
        else start += size;
      }
    }
  }
  return { plan: smallest, runs };
}
