/**
 * What a run of the tests comes down to: numbers, what was skipped and why, and the closing line.
 *
 * A run can be bad without a failed test: a file that does not load, an error that nobody handled, a hook that
 * threw, no test at all. Each of these counts as one failure, so that nobody who reads only the last line is
 * told that all is well.
 */
import { z } from 'zod';

const summarySchema = z.object({
  passed: z.number().int(),
  failed: z.number().int(),
  skipped: z.array(z.object({ name: z.string(), reason: z.string() })),
  /** What went wrong outside of tests; each counts as a failure. */
  problems: z.array(z.string()),
});

/** The numbers of one run. */
export type TestSummary = z.infer<typeof summarySchema>;

/** A run that did not come to its end, or that said nothing about it. */
function brokenRun(problem: string): TestSummary {
  return { passed: 0, failed: 0, skipped: [], problems: [problem] };
}

/** Reads what the reporter has written; anything else is a broken run. */
export function parseSummary(text: string | null): TestSummary {
  if (text === null) return brokenRun('vitest ended before it could say how the tests went');
  try {
    return summarySchema.parse(JSON.parse(text));
  } catch {
    return brokenRun('what vitest said about the tests cannot be understood');
  }
}

/** The numbers of several runs together. */
export function addSummaries(summaries: readonly TestSummary[]): TestSummary {
  return {
    passed: summaries.reduce((sum, { passed }) => sum + passed, 0),
    failed: summaries.reduce((sum, { failed }) => sum + failed, 0),
    skipped: summaries.flatMap(({ skipped }) => skipped),
    problems: summaries.flatMap(({ problems }) => problems),
  };
}

/**
 * Adds what the numbers alone do not show: no test at all, and a bad exit for which there is no reason in them.
 * Tests that were only filtered out do not count as executed. A test that was skipped is no failure on a developer's
 * machine, which may lack what it needs; in CI it is, so that nothing passes there that did not run.
 */
export function judgeSummary(
  summary: TestSummary,
  { exitCode, isCi }: { readonly exitCode: number | null; readonly isCi: boolean },
): TestSummary {
  const missed = isCi
    ? summary.skipped.map(({ name }) => `${name}: skipped, and in CI every test must run`)
    : [];
  const problems = [...summary.problems, ...missed];
  if (summary.passed + summary.failed + summary.skipped.length + problems.length === 0) {
    problems.push(`no test was executed${exitCode === 0 ? '' : '; vitest says why above'}`);
  }
  if (exitCode !== 0 && summary.failed === 0 && problems.length === 0) {
    problems.push(`vitest ended with exit code ${exitCode ?? 'none'}, though no test failed`);
  }
  return { ...summary, problems };
}

/** True when everything that ran passed and nothing else went wrong. */
export function isPassed(summary: TestSummary): boolean {
  return summary.failed + summary.problems.length === 0;
}

/** Skipped tests with their reasons, problems, and `N passed, N failed[, N skipped]` as the last line. */
export function closingLines(summary: TestSummary): readonly string[] {
  const { passed, failed, skipped, problems } = summary;
  const skips = skipped.length === 0 ? '' : `, ${skipped.length} skipped`;
  return [
    ...skipped.map(({ name, reason }) => `skipped: ${name}: ${reason}`),
    ...problems.map((problem) => `failed: ${problem}`),
    `${passed} passed, ${failed + problems.length} failed${skips}`,
  ];
}
