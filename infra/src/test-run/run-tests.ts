/**
 * Runs vitest and says in one last line how it went.
 *
 * The numbers come from a reporter of ours by way of a file: what vitest prints may change, may be cut short by
 * a crash, and may have more behind it.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../cluster/service-environment.ts';
import { closingLines, isPassed, judgeSummary, parseSummary } from './test-summary.ts';

/** Root of the repository: where vitest runs unless said otherwise. */
const repository = fileURLToPath(new URL('../../..', import.meta.url));
const reporter = fileURLToPath(new URL('../../testing/closing-line.ts', import.meta.url));
const vitest = join(repository, 'node_modules', 'vitest', 'vitest.mjs');

/** The projects that need neither broker nor containers. */
const fast = ['fast', 'mocking'];

/** Which tests to run. */
export interface TestRunOptions {
  /** Only the tests that need neither broker nor containers. */
  readonly isFastOnly: boolean;
  /** Handed on to vitest: file filters, `-t`, `--bail`, …. */
  readonly args: readonly string[];
  readonly environment: Environment;
  /** Default: the root of the repository. */
  readonly root?: string;
  /** Default: the projects of this repository. */
  readonly projects?: readonly string[];
  readonly print: (line: string) => void;
  /** Keep what vitest itself prints to ourselves. Default: false. */
  readonly isQuiet?: boolean;
  /** Called with a function that hands a signal on to vitest. */
  readonly onStart?: (signal: (name: NodeJS.Signals) => void) => void;
}

/** Runs them; resolves with the exit code, 0 or 1. vitest prints on this process's output meanwhile. */
export async function runTests(options: TestRunOptions): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'dbsync-tests-'));
  try {
    const summaryFile = join(folder, 'summary.json');
    const exitCode = await runVitest(options, summaryFile);
    const summary = judgeSummary(parseSummary(readIfThere(summaryFile)), {
      exitCode,
      isCi: options.environment.CI === 'true',
    });
    options.print('');
    for (const line of closingLines(summary)) options.print(line);
    return isPassed(summary) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runVitest(options: TestRunOptions, summaryFile: string): Promise<number | null> {
  const projects =
    options.projects ?? (options.isFastOnly ? fast : [...fast, 'simulation', 'container', 'integration']);
  const isFiltered = options.args.some((arg) => /^(?:-t|--testNamePattern)(?:=|$)/.test(arg));
  const child = spawn(
    process.execPath,
    [
      ...[vitest, 'run', '--reporter', 'default', '--reporter', reporter],
      ...projects.flatMap((project) => ['--project', project]),
      ...options.args,
    ],
    {
      cwd: options.root ?? repository,
      env: {
        ...options.environment,
        TEST_SUMMARY_FILE: summaryFile,
        TEST_IS_FILTERED: isFiltered ? 'yes' : 'no',
      },
      stdio: options.isQuiet === true ? 'ignore' : ['ignore', 'inherit', 'inherit'],
    },
  );
  options.onStart?.((name) => child.kill(name));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (exitCode) => resolve(exitCode));
  });
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
