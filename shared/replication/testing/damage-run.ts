/**
 * Many damage trials, a few at a time, and what they came to together.
 */
import { runDamageTrial, type TrialResult } from './damage-trial.ts';

/** What a run came to. */
export interface DamageRun {
  readonly results: readonly TrialResult[];
  /** What went wrong, with the seed; empty when all is as it must be. */
  readonly problems: readonly string[];
  readonly summary: string;
}

/** Trials under way at a time: most of a trial is waiting. */
const AT_ONCE = 4;

/** Runs `files` trials from `seed` on. A trial that throws is a problem, not the end. */
export async function runDamageTrials(options: {
  files: number;
  seed: number;
  /** Told after each trial how many have ended. */
  ended?: (count: number) => void;
}): Promise<DamageRun> {
  const results: TrialResult[] = [];
  const problems: string[] = [];
  let next = options.seed;
  let ended = 0;
  const lane = async (): Promise<void> => {
    while (next < options.seed + options.files) {
      const seed = next;
      next += 1;
      try {
        const result = await runDamageTrial(seed);
        results.push(result);
        problems.push(...result.problems.map((problem) => `seed ${seed}, ${result.kind}: ${problem}`));
      } catch (error) {
        problems.push(
          `seed ${seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
      }
      ended += 1;
      options.ended?.(ended);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return { results, problems, summary: summaryOf(results) };
}

function summaryOf(results: readonly TrialResult[]): string {
  const sum = (read: (result: TrialResult) => number): number =>
    results.reduce((total, result) => total + read(result), 0);
  const count = (outcome: TrialResult['outcome']): number =>
    sum((result) => Number(result.outcome === outcome));
  return [
    `${results.length} damaged files: ${count('set aside')} set aside, ${count('short')} short, ${count('harmless')} harmless`,
    `${sum(({ salvaged }) => salvaged)} rows salvaged, ${sum(({ renewed }) => renewed)} as new rows`,
    `${sum(({ lost }) => lost)} unpublished rows lost, all of them reported`,
  ].join('; ');
}
