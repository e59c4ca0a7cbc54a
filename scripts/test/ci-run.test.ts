import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const program = fileURLToPath(new URL('../../.ci/run', import.meta.url));
let tools: string;

function tool(name: string, script: string): void {
  writeFileSync(join(tools, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(tools, name), 0o755);
}

/** A machine that has everything, an engine included, where `npx pnpm …` does what the test says. */
beforeEach(() => {
  tools = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
  const installed = [
    'mvn',
    'curl',
    'ps',
    'strace',
    'python3',
    'make',
    'g++',
    'docker',
    'docker-compose',
    'debootstrap',
  ];
  for (const name of installed) tool(name, 'exit 0');
  tool('java', `echo 'openjdk version "17.0.15" 2025-04-15' >&2`);
});
afterEach(() => rmSync(tools, { recursive: true }));

function run(pnpm: { install?: string; images?: string; check: string; test: string }) {
  const cases = Object.entries({
    install: 'exit 0',
    images: 'exit 0',
    manifests: 'echo "0 passed, 0 failed"',
    ...pnpm,
  }).map(([name, script]) => `*" ${name}"*) ${script};;`);
  tool('npx', `case "$*" in\n${cases.join('\n')}\n*) exit 9;;\nesac`);
  return new Promise<{ exitCode: number; output: string; last: string | undefined }>((resolve) => {
    const environment = { ...process.env, PATH: `${tools}:${process.env.PATH}` };
    execFile('bash', [program], { env: environment, timeout: 20_000 }, (error, stdout) => {
      const exitCode = typeof error?.code === 'number' ? error.code : error === null ? 0 : -1;
      resolve({ exitCode, output: stdout, last: stdout.trimEnd().split('\n').at(-1) });
    });
  });
}

const goodCheck = 'echo "4 passed, 0 failed"';
const goodTest = 'printf "skipped: a: no Docker\\n120 passed, 0 failed, 3 skipped\\n"';

describe('.ci/run', () => {
  it('adds checks and tests in its last line', async () => {
    const { exitCode, last } = await run({ check: goodCheck, test: goodTest });
    expect({ exitCode, last }).toEqual({ exitCode: 0, last: '124 passed, 0 failed, 3 skipped' });
  });

  it('runs the tests although a check has failed, and counts both', async () => {
    const check = 'printf "types: FAILED\\n3 passed, 1 failed\\n[ELIFECYCLE] Command failed\\n"; exit 1';
    const { exitCode, last } = await run({ check, test: goodTest });
    expect({ exitCode, last }).toEqual({ exitCode: 1, last: '123 passed, 1 failed, 3 skipped' });
  });

  it('counts tests that end badly without saying so', async () => {
    const silent = await run({ check: goodCheck, test: 'echo "out of memory"; exit 137' });
    expect(silent).toMatchObject({ exitCode: 1, last: '4 passed, 1 failed' });
    expect(silent.output).toContain('FAILED: npx pnpm test ended with 137 and without a closing line');
    const lying = await run({ check: goodCheck, test: 'echo "5 passed, 0 failed"; exit 1' });
    expect(lying).toMatchObject({ exitCode: 1, last: '9 passed, 1 failed' });
  });

  it('ends when the images cannot be built: then nothing on containers would run', async () => {
    const { exitCode, last, output } = await run({
      images: 'echo no room; exit 1',
      check: goodCheck,
      test: goodTest,
    });
    // They are built beside the checks, which have their say.
    expect({ exitCode, last }).toEqual({ exitCode: 1, last: '4 passed, 1 failed' });
    expect(output).toContain('no room');
    expect(output).toContain('FAILED: images');
  });

  it('ends when no engine answers and none can be started, with the reason', async () => {
    tool('docker', 'exit 1');
    tool('iptables', 'exit 0');
    tool('dockerd', 'echo "no cgroups here" >&2; exit 1');
    const { exitCode, last, output } = await run({ check: goodCheck, test: goodTest });
    expect({ exitCode, last }).toEqual({ exitCode: 1, last: '0 passed, 1 failed' });
    expect(output).toContain('no cgroups here');
    expect(output).toContain('FAILED: Docker engine');
  });

  it('ends with a closing line also when nothing can be installed', async () => {
    const { exitCode, last, output } = await run({ install: 'exit 1', check: goodCheck, test: goodTest });
    expect({ exitCode, last }).toEqual({ exitCode: 1, last: '0 passed, 1 failed' });
    expect(output).toContain('FAILED: packages of the project');
  });
});
