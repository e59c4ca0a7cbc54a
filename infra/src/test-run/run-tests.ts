/**
 * Runs vitest and says in one last line how it went.
 *
 * Lanes run side by side, each in a vitest of its own. An idle lane takes only what the others leave of the processors:
 * nothing in it goes by the clock.
 *
 * The numbers come from a reporter of ours by way of a file: what vitest prints may change, may be cut short by
 * a crash, and may have more behind it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../cluster/service-environment.ts';
import { addSummaries, closingLines, isPassed, judgeSummary, parseSummary } from './test-summary.ts';

/** Root of the repository: where vitest runs unless said otherwise. */
const repository = fileURLToPath(new URL('../../..', import.meta.url));
const reporter = fileURLToPath(new URL('../../testing/closing-line.ts', import.meta.url));
const vitest = join(repository, 'node_modules', 'vitest', 'vitest.mjs');

/** What one vitest runs. */
interface Lane {
  /** Names of vitest's projects. */
  readonly projects: readonly string[];
  readonly isIdle?: boolean;
}

const fast = ['fast', 'mocking'];
const allLanes: readonly Lane[] = [
  { projects: [...fast, 'container', 'integration'] },
  { projects: ['simulation'], isIdle: true },
];

/** Which tests to run. */
export interface TestRunOptions {
  /** Only the tests that need neither broker nor containers. */
  readonly isFastOnly: boolean;
  /** Handed on to vitest: file filters, `-t`, `--bail`, …. */
  readonly args: readonly string[];
  readonly environment: Environment;
  /** Default: the root of the repository. */
  readonly root?: string;
  /** Default: those of this repository. */
  readonly lanes?: readonly Lane[];
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
    const lanes = options.lanes ?? (options.isFastOnly ? [{ projects: fast }] : allLanes);
    const running = lanes.map((lane, index) =>
      startLane(lane, { options, summaryFile: join(folder, `${index}.json`), isAlone: lanes.length === 1 }),
    );
    for (const { child, lane } of running) if (lane.isIdle) letOthersGoFirst(child);
    options.onStart?.((name) => {
      for (const { child } of running) child.kill(name);
    });
    const exitCodes = await Promise.all(running.map(({ ended }) => ended));
    const summaries = running.map(({ summaryFile }) => parseSummary(readIfThere(summaryFile)));
    const [bad = 0] = exitCodes.filter((exitCode) => exitCode !== 0);
    const summary = judgeSummary(addSummaries(summaries), {
      exitCode: bad,
      isCi: options.environment.CI === 'true',
    });
    options.print('');
    for (const line of closingLines(summary)) options.print(line);
    return isPassed(summary) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface RunningLane {
  readonly lane: Lane;
  readonly child: ChildProcess;
  readonly summaryFile: string;
  /** vitest's exit code; null where a signal ended it. */
  readonly ended: Promise<number | null>;
}

function startLane(
  lane: Lane,
  run: { readonly options: TestRunOptions; readonly summaryFile: string; readonly isAlone: boolean },
): RunningLane {
  const { options, summaryFile, isAlone } = run;
  const isFiltered = options.args.some((arg) => /^(?:-t|--testNamePattern)(?:=|$)/.test(arg));
  // Several at once would paint over each other: on a terminal, too, each line is printed when it is there.
  const output = options.isQuiet === true ? 'ignore' : isAlone ? 'inherit' : 'pipe';
  const child = spawn(
    process.execPath,
    [
      // A filter may leave nothing for one lane; whether anything ran is judged over all of them.
      ...[vitest, 'run', '--passWithNoTests', '--reporter', 'default', '--reporter', reporter],
      ...lane.projects.flatMap((project) => ['--project', project]),
      ...options.args,
    ],
    {
      cwd: options.root ?? repository,
      env: {
        ...options.environment,
        TEST_SUMMARY_FILE: summaryFile,
        TEST_IS_FILTERED: isFiltered ? 'yes' : 'no',
      },
      stdio: ['ignore', output, output],
    },
  );
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', options.print);
  }
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { lane, child, summaryFile, ended };
}

/**
 * Gives a process, and those that it will start, the processors that nobody else wants at the moment. Linux has a class for
 * that, which makes way at once; elsewhere the lowest priority has to do.
 */
function letOthersGoFirst({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  setPriority(pid, constants.priority.PRIORITY_LOW);
  execFile('chrt', ['--idle', '--all-tasks', '--pid', '0', String(pid)], () => undefined);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
