/**
 * vitest's reporter for the closing line: counts what happened and writes it to the file that TEST_SUMMARY_FILE
 * names. `scripts/test.ts` prints it after vitest has ended, so that nothing can come behind it.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule, TestRunEndReason } from 'vitest/node';
import type { TestSummary } from '../src/test-run/test-summary.ts';

type Skipped = TestSummary['skipped'][number];

/** Counts a finished run. */
export function summarize(run: {
  readonly modules: readonly TestModule[];
  readonly unhandled: readonly SerializedError[];
  readonly reason: TestRunEndReason;
  /** Tests that `--testNamePattern` left out are no skipped tests. */
  readonly isFiltered: boolean;
}): TestSummary {
  const problems: string[] = run.unhandled.map(
    (error) => `an error that nobody handled: ${firstLine(error.message)}`,
  );
  if (run.reason === 'interrupted') problems.push('the run was interrupted');
  const skipped: Skipped[] = [];
  let passed = 0;
  let failed = 0;
  for (const module of run.modules) {
    const where = module.relativeModuleId;
    problems.push(...module.errors().map((error) => `${where}: ${firstLine(error.message)}`));
    for (const suite of module.children.allSuites()) {
      problems.push(
        ...suite.errors().map((error) => `${where} > ${suite.fullName}: ${firstLine(error.message)}`),
      );
    }
    for (const test of module.children.allTests()) {
      const result = test.result();
      const name = `${where} > ${test.fullName}`;
      if (result.state === 'passed') passed += 1;
      else if (result.state === 'failed') failed += 1;
      else if (result.state === 'pending') problems.push(`${name}: was not run`);
      else if (!run.isFiltered || result.note)
        skipped.push({ name, reason: result.note ?? 'no reason given' });
    }
  }
  return { passed, failed, skipped, problems };
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

/** The reporter; vitest takes a reporter's class from the default export of its file. */
class ClosingLine implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    unhandled: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    const { TEST_SUMMARY_FILE: path, TEST_IS_FILTERED } = process.env;
    if (!path) return;
    const summary = summarize({ modules, unhandled, reason, isFiltered: TEST_IS_FILTERED === 'yes' });
    writeFileSync(path, JSON.stringify(summary));
  }
}

export { ClosingLine as default };
