import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChildrenFile, endOrphans, readChildren } from '../../src/cluster/children-file.ts';
import { identifyProcess } from '../../src/process/process-identity.ts';

let root: string;
let path: string;
const started: number[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
  path = join(root, 'children.json');
});
afterEach(() => {
  for (const pid of started.splice(0)) if (identifyProcess(pid)) process.kill(pid, 'SIGKILL');
  rmSync(root, { recursive: true });
});

function startProcess(): number {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
    detached: true,
    stdio: 'ignore',
  });
  const pid = child.pid ?? 0;
  started.push(pid);
  return pid;
}

describe('orphans of a supervisor that was killed', () => {
  it('are ended when they are the recorded processes', async () => {
    const file = new ChildrenFile(path);
    const [order, broker] = [startProcess(), startProcess()];
    file.record('order-1', order);
    file.record('broker', broker);
    const ended = await endOrphans(path);
    expect(ended.map(({ name, pid }) => [name, pid])).toEqual([
      ['order-1', order],
      ['broker', broker],
    ]);
    expect([identifyProcess(order), identifyProcess(broker)]).toEqual([null, null]);
    expect(existsSync(path)).toBe(false);
  });

  it('are left alone when the pid has gone to another process', async () => {
    const file = new ChildrenFile(path);
    const [first, second] = [startProcess(), startProcess()];
    file.record('order-1', first);
    file.record('order-2', second);
    const recorded = JSON.parse(readFileSync(path, 'utf8'));
    recorded.children[0].startedAt = 'another boot/7';
    recorded.children[1].command = 'node something-else.js';
    writeFileSync(path, JSON.stringify(recorded));
    expect(await endOrphans(path)).toEqual([]);
    expect(identifyProcess(first)).not.toBeNull();
    expect(identifyProcess(second)).not.toBeNull();
  });

  it('are none where the record is missing, damaged, or speaks of processes that are gone', async () => {
    expect(await endOrphans(path)).toEqual([]);
    writeFileSync(path, '{"children":[{"pid":"1"');
    expect(await endOrphans(path)).toEqual([]);
    writeFileSync(path, '{"children":[{"name":"x","pid":-1,"startedAt":"","command":""}]}');
    expect(await endOrphans(path)).toEqual([]);
    const gone = { name: 'x', pid: 2 ** 22 + 1, startedAt: 'a/1', command: 'x' };
    writeFileSync(path, JSON.stringify({ children: [gone] }));
    expect(await endOrphans(path)).toEqual([]);
  });

  it('are recorded in their present life only', () => {
    const file = new ChildrenFile(path);
    const [first, second] = [startProcess(), startProcess()];
    file.record('order-1', first);
    file.record('order-1', second);
    expect(readChildren(path).map((child) => child.pid)).toEqual([second]);
  });
});
