import { type ChildProcess, execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chooseFreePortRow, readDevFile, waitFor } from '@dbsync/infra';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';

const script = (name: string) => fileURLToPath(new URL(`../${name}.ts`, import.meta.url));
let folder: string;
let dataDir: string;
const running: Running[] = [];

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** A test that fails half-way must not leave its cluster running. */
async function end(commands: readonly Running[]): Promise<void> {
  for (const { child } of commands) child.kill('SIGTERM');
  await Promise.all(commands.map(({ ended }) => ended));
}

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Starts a command; `output` grows while it runs. */
function start(name: string, args: readonly string[]) {
  let output = '';
  const child = execFile(process.execPath, [script(name), ...args], { env: { ...process.env, CI: 'true' } });
  child.stdout?.on('data', (text: string) => {
    output += text;
  });
  child.stderr?.on('data', (text: string) => {
    output += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (exitCode) => resolve({ exitCode, output }));
  });
  return { child, ended, output: () => output };
}

/** The same, and ends it after the test where it still runs. */
function startForTest(name: string, args: readonly string[]) {
  const started = start(name, args);
  running.push(started);
  return started;
}

/** Nine ports in a row: Kafka, user-service, gateway, and the rest for replicas. */
function portArguments(first: number): string[] {
  const names = ['--kafka-port', '--user-port', '--gateway-port', '--order-port'];
  return names.flatMap((name, index) => [name, String(first + index)]);
}

async function startDev(...args: readonly string[]) {
  const first = await chooseFreePortRow(9);
  const ports = portArguments(first);
  const dev = startForTest('dev', ['--data-dir', dataDir, ...ports, ...args]);
  await waitFor({
    what: 'ready in',
    timeoutMs: 120_000,
    look: () => {
      if (dev.child.exitCode !== null) throw new Error(dev.output());
      return /^ready in \d+\.\d s$/m.test(dev.output())
        ? { found: true }
        : { missing: dev.output().slice(-2000) };
    },
  });
  return dev;
}

const devFile = () => readDevFile(join(dataDir, 'dev.json'));

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
}

async function orders(url: string | undefined): Promise<{ orderId: string }[]> {
  const answer = await fetch(`${url}/order-service/ada/orders`);
  if (answer.status !== 200) throw new Error(`answered ${answer.status}`);
  return (await answer.json()) as { orderId: string }[];
}

async function placeOrder(url: string | undefined): Promise<string> {
  const answer = await fetch(`${url}/order-service/ada/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ productId: 'tea', quantity: 2, unitPrice: 350 }),
  });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { orderId: string }).orderId;
}

describe('pnpm dev', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
    dataDir = join(folder, 'data');
  });
  afterEach(async () => {
    await end(running.splice(0));
    rmSync(folder, { recursive: true, force: true });
  });

  it('brings back what is killed, and after a stop and a start everything is as it was', async () => {
    const own = inject('sharedBroker').kind === 'docker' ? 'docker' : 'java';
    const first = await startDev('--broker', own, '--replicas', '2');
    const told = devFile();
    expect(told.pid).toBe(first.child.pid);
    const [one, two] = told.orderReplicas;
    const orderId = await placeOrder(one?.url);

    process.kill(two?.pid ?? 0, 'SIGKILL');
    if (told.broker?.pid) process.kill(told.broker.pid, 'SIGKILL');
    await waitFor({
      what: 'replica and broker to be back',
      timeoutMs: 60_000,
      look: () => {
        const now = devFile();
        const pids = [now.orderReplicas[1]?.pid, now.broker?.pid];
        const isBack =
          pids[0] && pids[0] !== two?.pid && (own === 'docker' || (pids[1] && pids[1] !== told.broker?.pid));
        return isBack ? { found: true } : { missing: `pids are ${pids}` };
      },
    });
    await waitFor({
      what: 'the order on the replica that was killed',
      timeoutMs: 60_000,
      look: async () => {
        const found = await orders(two?.url).catch(() => []);
        return found.some((order) => order.orderId === orderId)
          ? { found: true }
          : { missing: JSON.stringify(found) };
      },
    });

    const last = devFile();
    const pids = [
      last.broker?.pid,
      last.gateway?.pid,
      last.userService?.pid,
      ...last.orderReplicas.map(({ pid }) => pid),
    ];
    process.kill(told.pid, 'SIGTERM');
    expect((await first.ended).exitCode).toBe(0);
    expect(pids.filter((pid) => typeof pid === 'number' && isAlive(pid))).toEqual([]);
    expect(existsSync(join(dataDir, 'dev.json'))).toBe(false);

    const second = await startDev();
    expect(devFile().orderReplicas.length).toBe(2);
    const found = await Promise.all(devFile().orderReplicas.map(({ url }) => orders(url)));
    expect(found.map((list) => list.map((order) => order.orderId))).toEqual([[orderId], [orderId]]);
    second.child.kill('SIGTERM');
    expect((await second.ended).exitCode).toBe(0);
  });

  it('killed with -9 leaves nobody behind, and the next one starts on its data', async () => {
    const killed = await startDev('--topology', 'isolated', '--replicas', '1');
    const left = devFile();
    killed.child.kill('SIGKILL');
    const pids = [left.gateway, left.userService, left.orderReplicas[0]].map((part) => part?.pid ?? 0);
    await waitFor({
      what: 'the end of what it has started',
      timeoutMs: 30_000,
      look: () => (pids.some(isAlive) ? { missing: `${pids.filter(isAlive)} live` } : { found: true }),
    });
    const next = await startDev('--topology', 'isolated');
    const second = await startForTest('dev', ['--topology', 'isolated', '--data-dir', dataDir]).ended;
    expect(second.exitCode).toBe(1);
    expect(second.output).toContain(
      `Process ${next.child.pid} is already running a cluster on this data directory`,
    );
    next.child.kill('SIGINT');
    expect((await next.ended).exitCode).toBe(0);
  });

  it('refuses wrong usage with exit code 2', async () => {
    const wrong = [
      ['--replicass', '3'],
      ['--topology', 'connect'],
      ['--order-port', '0'],
    ];
    const ended = await Promise.all(wrong.map((args) => startForTest('dev', args).ended));
    expect(ended.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2]);
  });
});

// Both wait for most of their time, and for nothing of each other.
describe.concurrent('a command that shows everything', () => {
  it('pnpm demo tells the story, comes out as told, and leaves nothing behind', async ({
    expect,
    onTestFinished,
  }) => {
    const demo = start('demo', []);
    onTestFinished(() => end([demo]));
    const { exitCode, output } = await demo.ended;
    expect(output).toMatch(/GET \/users\/\{id\} -> product-2, product-4\n/);
    expect(output).toMatch(/Told in \d+ s/);
    expect(exitCode).toBe(0);
  });

  it('pnpm smoke finds that the quick start of the README works as written', async ({
    expect,
    onTestFinished,
  }) => {
    const first = await chooseFreePortRow(9);
    const smoke = start('smoke', portArguments(first));
    onTestFinished(() => end([smoke]));
    const { exitCode, output } = await smoke.ended;
    expect(output).toContain('the quick start works as written');
    expect(exitCode).toBe(0);
  });
});
