import { describe, expect, it } from 'vitest';
import { type Life, startLife } from '../../src/process/life.ts';
import { identifyProcess } from '../../src/process/process-identity.ts';

function start(script: string, lines: string[] = []): Promise<Life> {
  return startLife({
    command: process.execPath,
    args: ['-e', script],
    environment: { GREETING: 'hello' },
    onLine: (line, stream) => lines.push(`${stream} ${line}`),
  });
}

async function firstLine(lines: readonly string[]): Promise<void> {
  await expect.poll(() => lines.length, { timeout: 20_000 }).toBeGreaterThan(0);
}

describe('one life of a child process', () => {
  it('has exactly the environment it is given and delivers its last lines before its end', async () => {
    const lines: string[] = [];
    const life = await start(
      'console.log(process.env.GREETING, process.env.HOME); console.error("bye"); process.exitCode = 7',
      lines,
    );
    expect(await life.ended).toBe('exit code 7');
    expect(lines.toSorted()).toEqual(['stderr bye', 'stdout hello undefined']);
    expect(life.isOver()).toBe(true);
  });

  it('ends in order on SIGTERM', async () => {
    const lines: string[] = [];
    const life = await start(
      'process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1000); console.log("up")',
      lines,
    );
    await firstLine(lines);
    await life.stop(20_000);
    expect(await life.ended).toBe('exit code 0');
  });

  it('is killed when it does not end in its grace, and so is what it has started', async () => {
    const lines: string[] = [];
    const life = await start(
      `process.on("SIGTERM", () => {}); const { spawn } = require("node:child_process");
       const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
       child.on("spawn", () => console.log(child.pid)); setInterval(() => {}, 1000)`,
      lines,
    );
    await firstLine(lines);
    const grandchild = Number(lines[0]?.split(' ')[1]);
    await life.stop(50);
    expect(await life.ended).toBe('SIGKILL');
    await expect.poll(() => identifyProcess(grandchild), { timeout: 20_000 }).toBeNull();
    life.signal('SIGKILL');
  });

  it('says so when there is no such program', async () => {
    const started = startLife({
      command: 'no-such-program-here',
      args: [],
      environment: {},
      onLine: () => undefined,
    });
    await expect(started).rejects.toMatchObject({ code: 'not-found' });
  });
});
