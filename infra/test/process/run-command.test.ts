import { describe, expect, it } from 'vitest';
import { identifyProcess } from '../../src/process/process-identity.ts';
import { runCommand } from '../../src/process/run-command.ts';
import { waitFor } from '../../src/process/wait-for.ts';

const node = process.execPath;

describe('running a command', () => {
  it('keeps what it printed and how it ended', async () => {
    const lines: string[] = [];
    const script = 'console.log("out"); console.error("err"); process.exitCode = 4';
    const result = await runCommand({
      command: node,
      args: ['-e', script],
      timeoutMs: 20_000,
      onLine: (line) => lines.push(line),
    });
    expect(result).toMatchObject({ outcome: 'ended', exitCode: 4, stdout: 'out\n' });
    expect(lines.sort()).toEqual(['err', 'out']);
  });

  it('says when there is no such program', async () => {
    const result = await runCommand({ command: 'no-such-program-here', args: [], timeoutMs: 1000 });
    expect(result.outcome).toBe('missing');
  });

  it('ends it at the deadline, with everything that it has started', async () => {
    const script = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'],
      { stdio: 'inherit' }).on('spawn', function () { console.log(this.pid); }); setInterval(() => {}, 1000);`;
    const calledOff = new AbortController();
    let grandchild = 0;
    const result = await runCommand({
      command: node,
      args: ['-e', script],
      timeoutMs: 20_000,
      signal: calledOff.signal,
      onLine: (line) => {
        grandchild = Number(line);
        calledOff.abort();
      },
    });
    expect(result.outcome).toBe('called-off');
    await waitFor({
      what: 'the end of the grandchild',
      timeoutMs: 10_000,
      look: () => (identifyProcess(grandchild) === null ? { found: true } : { missing: 'it lives' }),
    });
    const late = await runCommand({
      command: node,
      args: ['-e', 'setInterval(() => {}, 1000)'],
      timeoutMs: 100,
    });
    expect(late.outcome).toBe('timed-out');
  });
});
