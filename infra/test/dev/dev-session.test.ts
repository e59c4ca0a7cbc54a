import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDevFile } from '../../src/cluster/dev-file.ts';
import { readDevOptions } from '../../src/dev/dev-options.ts';
import { runDev } from '../../src/dev/dev-session.ts';
import { Interruption } from '../../src/dev/interruption.ts';
import type { KeyInput } from '../../src/dev/keys.ts';
import { LogPrinter } from '../../src/dev/log-printer.ts';
import { chooseFreePortRow } from '../../src/process/ports.ts';
import { identifyProcess } from '../../src/process/process-identity.ts';

const tiny = fileURLToPath(new URL('../fixtures/tiny-service.ts', import.meta.url));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
});
afterEach(() => rmSync(root, { recursive: true }));

class Screen extends EventEmitter {
  text = '';
  readonly isTTY = false;
  write(text: string): void {
    this.text += text;
  }
}

class Terminal extends EventEmitter implements KeyInput {
  isRaw = false;
  setRawMode(isRaw: boolean): void {
    this.isRaw = isRaw;
  }
  resume(): void {}
  pause(): void {}
}

async function begin(args: readonly string[], environment: Record<string, string> = {}) {
  const first = await chooseFreePortRow(6);
  const screen = new Screen();
  const terminal = new Terminal();
  const interruption = new Interruption();
  const dataDir = join(root, 'data');
  const [user, gateway] = [String(first + 4), String(first + 5)];
  const ports = ['--order-port', String(first), '--user-port', user, '--gateway-port', gateway];
  const options = readDevOptions(['--topology', 'isolated', ...ports, '--data-dir', dataDir, ...args]);
  const exit = runDev({
    options,
    environment: { PATH: process.env.PATH, ...environment },
    workingDir: root,
    printer: new LogPrinter({ output: screen, isJson: options.isJson, isColourUnwanted: true }),
    interruption,
    keys: options.isJson ? null : terminal,
    describeCluster: () => Promise.reject(new Error('nobody needs a broker here')),
    verifyScript: fileURLToPath(new URL('../fixtures/tiny-verify.ts', import.meta.url)),
    scripts: { orderService: tiny, userService: tiny, gateway: tiny },
  });
  const says = (text: string | RegExp) => expect.poll(() => screen.text, { timeout: 20_000 }).toMatch(text);
  const devFile = () => readDevFile(join(dataDir, 'dev.json'));
  return { screen, terminal, interruption, dataDir, exit, says, devFile };
}

describe('a run of pnpm dev', () => {
  it('prints a banner whose curl lines are commands, and ends with 0 and nobody left', async () => {
    const { screen, interruption, exit, says, devFile, dataDir } = await begin(['--replicas', '2']);
    await says(/^ready in \d+\.\d s$/m);
    const pids = [
      ...devFile().orderReplicas.map((replica) => replica.pid ?? 0),
      devFile().userService?.pid ?? 0,
      devFile().gateway?.pid ?? 0,
    ];
    expect(screen.text).toMatch(/order-2 +http:\/\/127\.0\.0\.1:\d+ +data\/order-2\/orders\.db/);
    const curls = screen.text.match(/^ {2}curl .*$/gm) ?? [];
    expect(curls.length).toBe(3);
    for (const curl of curls) execFileSync('bash', ['-c', curl], { timeout: 20_000 });
    interruption.interrupt('Ctrl-C');
    expect(await exit).toBe(0);
    expect(screen.text).toMatch(/dev +│ stopping: Ctrl-C\n/);
    expect(pids.map(identifyProcess)).toEqual([null, null, null, null]);
    expect(existsSync(join(dataDir, 'dev.json'))).toBe(false);
  });

  it('answers its keys and puts the terminal back', async () => {
    const { terminal, exit, says, devFile, screen } = await begin(['--replicas', '1']);
    const press = (keys: string) => terminal.emit('data', Buffer.from(keys));
    await says(/^ready in/m);
    expect(terminal.isRaw).toBe(true);
    press('h');
    await says(/keys: h help, a add a replica/);
    press('a');
    await says(/order-2 is ready at http/);
    expect(devFile().orderReplicas.length).toBe(2);
    const before = devFile().orderReplicas[1]?.pid;
    press('k2');
    await says(/order-2 ended unexpectedly \(SIGKILL\)/);
    await expect.poll(() => devFile().orderReplicas[1]?.pid ?? before, { timeout: 20_000 }).not.toBe(before);
    press('k9');
    await says(/There is no order-9 here/);
    press('v');
    await says(/verify +│ verified --data-dir/);
    press('q');
    expect(await exit).toBe(0);
    expect(terminal.isRaw).toBe(false);
    expect(screen.text).toMatch(/stopping: the key q/);
  });

  it('prints one JSON object a line where programs read', async () => {
    const { screen, interruption, exit, says } = await begin(['--replicas', '1', '--json']);
    await says(/"ready in/);
    interruption.interrupt('SIGTERM');
    expect(await exit).toBe(0);
    const entries = screen.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries.every((entry) => entry.time && entry.source && entry.level && entry.message)).toBe(true);
    const ready = entries.find((entry) => /^ready in \d/.test(entry.message));
    expect(ready).toMatchObject({
      source: 'dev',
      pid: process.pid,
      orderReplicas: [{ replicaId: 'order-1' }],
    });
  });

  it('ends with 1, says why and leaves nobody when a service cannot start', async () => {
    const { screen, exit } = await begin(['--replicas', '1'], { TINY_BROKEN: 'the disk is on fire' });
    expect(await exit).toBe(1);
    expect(screen.text).toMatch(/dev +│ error (order-1|user-service|gateway) ended during its start/);
    expect(screen.text).toMatch(/the disk is on fire/);
  });

  it('ends with 0 when it is called off during its start', async () => {
    const { interruption, exit, says } = await begin([], { TINY_READY_AFTER_REQUESTS: '1000000' });
    await says(/starting order-1/);
    interruption.interrupt('Ctrl-C');
    expect(await exit).toBe(0);
  });

  it('ends with 130 at once when it is told twice', async () => {
    const { interruption, exit, says, devFile } = await begin(['--replicas', '1'], { TINY_STUBBORN: 'yes' });
    await says(/^ready in/m);
    const pid = devFile().userService?.pid ?? 0;
    interruption.interrupt('Ctrl-C');
    await expect
      .poll(
        () => {
          interruption.interrupt('Ctrl-C');
          return interruption.kill.aborted;
        },
        { timeout: 20_000 },
      )
      .toBe(true);
    expect(await exit).toBe(130);
    expect(identifyProcess(pid)).toBeNull();
  });
});
