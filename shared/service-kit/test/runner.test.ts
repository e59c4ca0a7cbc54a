import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';

const fixture = path.join(import.meta.dirname, 'fixtures', 'service.ts');
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Runs the fixture; `until` resolves when its output contains a text, `exit` when it has ended. */
function run(...behaviour: string[]) {
  const child = spawn(process.execPath, [fixture, ...behaviour], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    output.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.err += chunk;
  });
  const exit = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }));
  const until = async (text: string): Promise<void> => {
    while (!output.out.includes(text))
      await Promise.race([
        once(child.stdout, 'data'),
        exit.then(() => {
          throw new Error(`ended without "${text}": ${output.out}${output.err}`);
        }),
      ]);
  };
  return { child, exit, until };
}

/** The runner's own log lines. */
function entries(out: string): Record<string, unknown>[] {
  return out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}

describe('runService', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops the service on %s and exits with 0', async (signal) => {
    const { child, exit, until } = run('good');
    await until('started');
    child.kill(signal);
    const { code, out } = await exit;
    expect(code).toBe(0);
    expect(out).toContain('closed everything');
  });

  it('exits at once with 130 when the same signal comes a second time', async () => {
    const { child, exit, until } = run('never-stops', '60000');
    await until('started');
    child.kill('SIGINT');
    await until('stopping');
    child.kill('SIGINT');
    expect((await exit).code).toBe(130);
  });

  it('goes on stopping in order when a supervisor adds SIGTERM to the Ctrl-C of the terminal', async () => {
    const { child, exit, until } = run('never-stops', '500');
    await until('started');
    child.kill('SIGINT');
    await until('stopping');
    child.kill('SIGTERM');
    const { code, out } = await exit;
    expect(code).toBe(1);
    expect(out).toContain('not stopped within 500 ms');
  });

  it('exits with 1 when the stop fails', async () => {
    const { child, exit, until } = run('fails-to-stop');
    await until('started');
    child.kill('SIGTERM');
    const { code, out } = await exit;
    expect(code).toBe(1);
    expect(out).toContain('stuck drawer');
  });

  it('prints a bad configuration in plain lines and exits with 2', async () => {
    const { code, out, err } = await run('bad-configuration').exit;
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err.trimEnd().split('\n')).toEqual([
      'fixture: the configuration cannot be used:',
      '  PORT: is "x"; expected a number',
      '  HOST: is "?"; expected a name',
    ]);
  });

  it.each([
    ['fails-to-start', 'no such disk'],
    ['throws-later', 'out of nowhere'],
    ['rejects-later', 'nobody listens'],
  ])('%s: logs one fatal line and exits with 1', async (behaviour, message) => {
    const { code, out } = await run(behaviour).exit;
    expect(code).toBe(1);
    expect(entries(out)).toEqual([
      expect.objectContaining({ level: 'fatal', name: 'fixture', err: expect.objectContaining({ message }) }),
    ]);
  });
});
