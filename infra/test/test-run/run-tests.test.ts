import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runTests } from '../../src/test-run/run-tests.ts';

const root = fileURLToPath(new URL('../fixtures/test-runs', import.meta.url));
const timeoutMs = 60_000;

const run = (...args: readonly string[]) => runLanes(['sample'], ...args);

async function runLanes(
  projects: readonly string[],
  ...args: readonly string[]
): Promise<{ exitCode: number; lines: string[] }> {
  const lines: string[] = [];
  const exitCode = await runTests({
    isFastOnly: true,
    args,
    root,
    lanes: projects.map((project) => ({ projects: [project] })),
    isQuiet: true,
    environment: { ...process.env, VITEST: undefined, CI: 'true' },
    print: (line) => lines.push(line),
  });
  return { exitCode, lines: lines.filter((line) => line !== '') };
}

describe('a run of the tests', () => {
  it('closes with the number of tests that passed', { timeout: timeoutMs }, async () => {
    expect(await run('passing')).toEqual({ exitCode: 0, lines: ['2 passed, 0 failed'] });
  });

  it('fails and counts when a test fails', { timeout: timeoutMs }, async () => {
    expect(await run('failing')).toEqual({ exitCode: 1, lines: ['1 passed, 1 failed'] });
  });

  it('lists what was skipped, with the reason, and in CI fails by it', { timeout: timeoutMs }, async () => {
    expect(await run('skipping')).toEqual({
      exitCode: 1,
      lines: [
        'skipped: skipping.sample.ts > needs an engine: no Docker engine answers',
        'skipped: skipping.sample.ts > needs a variable: no reason given',
        'failed: skipping.sample.ts > needs an engine: skipped, and in CI every test must run',
        'failed: skipping.sample.ts > needs a variable: skipped, and in CI every test must run',
        '1 passed, 2 failed, 2 skipped',
      ],
    });
  });

  it('does not call a test skipped that was only not asked for', { timeout: timeoutMs }, async () => {
    expect(await run('passing', '-t', 'again')).toEqual({ exitCode: 0, lines: ['1 passed, 0 failed'] });
  });

  it.each([
    ['a file that does not load', ['not-loading'], /not-loading\.sample\.ts: this file does not load/],
    ['an error that nobody handled', ['unhandled'], /an error that nobody handled: nobody handles this/],
    ['a hook that threw', ['hook'], /hook\.sample\.ts > with a hook: the hook failed/],
    ['no test at all', ['no-such-file'], /no test was executed/],
    ['a pattern that fits no test', ['passing', '-t', 'no such name'], /no test was executed/],
    ['a process that is killed', ['crash'], /./],
    [
      'a setup that fails',
      ['--config', 'broken-setup.config.ts'],
      /no test was executed; vitest says why above/,
    ],
  ])('counts %s as a failure', { timeout: timeoutMs }, async (_, args, problem) => {
    const { exitCode, lines } = await run(...args);
    expect(exitCode).toBe(1);
    expect(lines.slice(0, -1).join('\n')).toMatch(problem);
    expect(lines.at(-1)).toMatch(/^\d+ passed, [1-9]\d* failed/);
  });
});

describe('lanes side by side', () => {
  const lanes = ['sample', 'beside'];

  it('count together, and fail by any of them', { timeout: timeoutMs }, async () => {
    const files = ['passing.sample', 'failing.beside'];
    expect(await runLanes(lanes, ...files)).toEqual({ exitCode: 1, lines: ['2 passed, 1 failed'] });
  });

  it('may have nothing to do', { timeout: timeoutMs }, async () => {
    expect(await runLanes(lanes, 'passing.beside')).toEqual({ exitCode: 0, lines: ['1 passed, 0 failed'] });
  });
});
