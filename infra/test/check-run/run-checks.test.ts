import { describe, expect, it } from 'vitest';
import { type CheckStep, ownChecks, runChecks } from '../../src/check-run/run-checks.ts';

const node = (name: string, script: string): CheckStep => ({
  name,
  command: process.execPath,
  args: ['-e', script],
});

async function run(...steps: readonly CheckStep[]): Promise<{ exitCode: number; text: string }> {
  const lines: string[] = [];
  const exitCode = await runChecks({ steps, environment: process.env, print: (line) => lines.push(line) });
  return { exitCode, text: lines.join('\n') };
}

describe('a run of the checks', () => {
  it('prints each with its time and closes with the numbers', async () => {
    const { exitCode, text } = await run(node('types', ''), node('lint', ''));
    expect(exitCode).toBe(0);
    expect(text).toMatch(/^types: passed in \d+\.\d s\nlint: passed in \d+\.\d s\n2 passed, 0 failed$/);
  });

  it('goes on after a failure, shows what the check said, and fails', async () => {
    const bad = node('types', 'console.error("a.ts is wrong"); process.exitCode = 2');
    const { exitCode, text } = await run(bad, node('lint', ''), {
      name: 'gone',
      command: 'no-such-program',
      args: [],
    });
    expect(exitCode).toBe(1);
    expect(text).toMatch(/types: FAILED in \d+\.\d s \(exit code 2\)\n {2}a\.ts is wrong\nlint: passed/);
    expect(text).toMatch(/gone: FAILED in \d+\.\d s \(missing\)/);
    expect(text).toMatch(/\n1 passed, 2 failed$/);
  });

  it('covers types, lint, dead code and import direction', () => {
    expect(ownChecks().map(({ name }) => name)).toEqual([
      'types',
      'lint and format',
      'dead code',
      'import direction',
    ]);
  });
});
