/**
 * Runs vitest and says in one last line how it went.
 *
 * Stages follow each other. Lanes of a stage run side by side, each in a vitest of its own: the tests that need a broker
 * one after the other, as they load the machine and measure time, and beside them, at a lower priority, what can wait.
 *
 * The numbers come from a reporter of ours by way of a file: what vitest prints may change, may be cut short by
 * a crash, and may have more behind it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../cluster/service-environment.ts';
import {
  addSummaries,
  brokenRun,
  closingLines,
  isPassed,
  judgeSummary,
  parseSummary,
  type TestSummary,
} from './test-summary.ts';

/** Root of the repository: where vitest runs unless said otherwise. */
const repository = fileURLToPath(new URL('../../..', import.meta.url));
const reporter = fileURLToPath(new URL('../../testing/closing-line.ts', import.meta.url));
const vitest = join(repository, 'node_modules', 'vitest', 'vitest.mjs');

/** Names of vitest's projects that one vitest runs. */
type Lane = readonly string[];

/** Lanes that run side by side. */
type Stage = readonly Lane[];

const fastStage: Stage = [['fast', 'mocking']];
const allStages: readonly Stage[] = [fastStage, [['integration'], ['simulation', 'container']]];

/** Niceness of all lanes of a stage but the first. */
const NICENESS = 10;

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
  readonly stages?: readonly Stage[];
  readonly print: (line: string) => void;
  /** Keep what vitest itself prints to ourselves. Default: false. */
  readonly isQuiet?: boolean;
  /**
   * Aborted with the name of a signal: no further stage begins, and the signal is handed on, but for SIGINT, which a
   * terminal sends to vitest itself.
   */
  readonly signal?: AbortSignal;
}

/** Runs them; resolves with the exit code, 0 or 1. vitest prints on this process's output meanwhile. */
export async function runTests(options: TestRunOptions): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'dbsync-tests-'));
  try {
    const summaries: TestSummary[] = [];
    const bad: (number | null)[] = [];
    const stages = options.stages ?? (options.isFastOnly ? [fastStage] : allStages);
    for (const [index, stage] of stages.entries()) {
      if (options.signal?.aborted) break;
      const { summary, exitCodes } = await runStage(stage, options, join(folder, `${index}`));
      summaries.push(summary);
      bad.push(...exitCodes.filter((exitCode) => exitCode !== 0));
    }
    if (options.signal?.aborted) summaries.push(brokenRun('the run was stopped before its end'));
    const summary = judgeSummary(addSummaries(summaries), {
      exitCode: bad.length === 0 ? 0 : (bad[0] ?? null),
      isCi: options.environment.CI === 'true',
    });
    options.print('');
    for (const line of closingLines(summary)) options.print(line);
    return isPassed(summary) ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runStage(
  stage: Stage,
  options: TestRunOptions,
  summaryPrefix: string,
): Promise<{ summary: TestSummary; exitCodes: (number | null)[] }> {
  const lanes = stage.map((lane, index) =>
    startLane(lane, { options, summaryFile: `${summaryPrefix}-${index}.json`, isAlone: stage.length === 1 }),
  );
  for (const { child } of lanes.slice(1)) if (child.pid !== undefined) setPriority(child.pid, NICENESS);
  const handOn = (): void => {
    const name = options.signal?.reason as NodeJS.Signals;
    if (name !== 'SIGINT') for (const { child } of lanes) child.kill(name);
  };
  options.signal?.addEventListener('abort', handOn);
  const exitCodes = await Promise.all(lanes.map(({ ended }) => ended));
  options.signal?.removeEventListener('abort', handOn);
  const summaries = lanes.map(({ summaryFile }) => parseSummary(readIfThere(summaryFile)));
  return { summary: addSummaries(summaries), exitCodes };
}

interface RunningLane {
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
  // Two at once would paint over each other: on a terminal, too, each line is printed when it is there.
  const output = options.isQuiet === true ? 'ignore' : isAlone ? 'inherit' : 'pipe';
  const child = spawn(
    process.execPath,
    [
      // A filter may leave nothing for one lane; whether anything ran is judged over all of them.
      ...[vitest, 'run', '--passWithNoTests', '--reporter', 'default', '--reporter', reporter],
      ...lane.flatMap((project) => ['--project', project]),
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
    child.once('close', (exitCode) => resolve(exitCode));
  });
  return { child, summaryFile, ended };
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
