/**
 * Runs the checks of `pnpm check` one after the other, each with its time; one that fails stops none of the rest.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../cluster/service-environment.ts';
import { runCommand } from '../process/run-command.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const stepTimeoutMs = 5 * 60_000;

/** One check: a command that ends with 0 when all is well. */
export interface CheckStep {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** The checks of this repository, by the programs that its lockfile pins. */
export function ownChecks(): readonly CheckStep[] {
  const program = (name: string): string => join(repository, 'node_modules', '.bin', name);
  return [
    { name: 'types', command: program('tsc'), args: ['-p', '.'] },
    { name: 'lint and format', command: program('biome'), args: ['check', '--error-on-warnings', '.'] },
    { name: 'dead code', command: program('knip'), args: ['--no-progress'] },
    {
      name: 'import direction',
      command: program('vitest'),
      args: ['run', '--project', 'fast', 'scripts/test/import-direction.test.ts'],
    },
  ];
}

/** What to run, and where to say it. */
export interface CheckRunOptions {
  readonly steps: readonly CheckStep[];
  readonly environment: Environment;
  readonly print: (line: string) => void;
  /** Default: the root of the repository. */
  readonly root?: string;
}

/** Runs them all; resolves with the exit code, 0 or 1. The last line is `N passed, N failed`. */
export async function runChecks(options: CheckRunOptions): Promise<number> {
  const { steps, environment, print } = options;
  let failed = 0;
  for (const step of steps) {
    const begun = performance.now();
    const result = await runCommand({
      command: step.command,
      args: step.args,
      cwd: options.root ?? repository,
      env: { ...environment, NO_COLOR: '1' },
      timeoutMs: stepTimeoutMs,
    });
    const isGood = result.outcome === 'ended' && result.exitCode === 0;
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    if (isGood) {
      print(`${step.name}: passed in ${seconds} s`);
      continue;
    }
    failed += 1;
    const how = result.outcome === 'ended' ? `exit code ${result.exitCode}` : result.outcome;
    print(`${step.name}: FAILED in ${seconds} s (${how})`);
    for (const line of result.output.trimEnd().split('\n')) print(`  ${line}`);
  }
  print(`${steps.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
