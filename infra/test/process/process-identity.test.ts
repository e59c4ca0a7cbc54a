import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  identifyByProc,
  identifyByPs,
  identifyProcess,
  isSameProcess,
} from '../../src/process/process-identity.ts';

describe('the identity of a process', () => {
  it('is the same at every look while the process lives, and proves nothing once it is gone', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'a (strange) name']);
    const pid = child.pid ?? 0;
    const identity = identifyProcess(pid);
    expect(identity).toMatchObject({ pid, command: expect.stringContaining('a (strange) name') });
    expect(identity && isSameProcess(identity)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(identity && isSameProcess(identity)).toBe(false);
  });

  it('differs when only the start time or only the command line differs, as for a pid given out again', () => {
    const identity = identifyProcess(process.pid);
    expect(identity && isSameProcess({ ...identity, startedAt: 'another boot/1' })).toBe(false);
    expect(identity && isSameProcess({ ...identity, command: 'node something else' })).toBe(false);
  });

  it('can also be had from ps, where there is no /proc', () => {
    const first = identifyByPs(process.pid);
    expect(first).toMatchObject({
      pid: process.pid,
      startedAt: expect.stringMatching(/^\w+ \w+ \d+ [\d:]+ \d+$/),
    });
    expect(identifyByPs(process.pid)).toEqual(first);
    expect(first?.command).toContain('node');
  });

  it('is null for a pid that nobody has', () => {
    expect(identifyByProc(2 ** 22 + 1)).toBeNull();
    expect(identifyByPs(2 ** 22 + 1)).toBeNull();
  });
});
