import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeSupervisorLock } from '../../src/cluster/supervisor-lock.ts';
import { identifyProcess } from '../../src/process/process-identity.ts';

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
  path = join(root, 'supervisor.lock');
});
afterEach(() => rmSync(root, { recursive: true }));

describe('the lock of a data directory', () => {
  it('refuses a second supervisor and names the pid of the first', () => {
    const lock = takeSupervisorLock(path);
    expect(() => takeSupervisorLock(path)).toThrow(
      expect.objectContaining({
        code: 'already-running',
        message: expect.stringContaining(`Process ${process.pid} `),
      }),
    );
    lock.release();
    takeSupervisorLock(path).release();
    expect(readdirSync(root)).toEqual([]);
  });

  it('is taken over from a holder that is gone, or whose pid is now another process', () => {
    const stale = [
      { pid: 2 ** 22 + 1, startedAt: 'a/1', command: 'node dev.ts' },
      { ...identifyProcess(process.pid), startedAt: 'an earlier boot/1' },
    ];
    for (const text of [...stale.map((holder) => JSON.stringify(holder)), 'damaged', '']) {
      writeFileSync(path, text);
      takeSupervisorLock(path).release();
      expect(readdirSync(root)).toEqual([]);
    }
  });

  it('is not released by somebody who no longer holds it', () => {
    const lock = takeSupervisorLock(path);
    writeFileSync(path, JSON.stringify({ pid: 1, startedAt: 'b', command: 'c' }));
    lock.release();
    expect(existsSync(path)).toBe(true);
  });
});
