import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Cluster } from '../../src/cluster/cluster.ts';
import type { ClusterOptions } from '../../src/cluster/cluster-options.ts';
import { readDevFile } from '../../src/cluster/dev-file.ts';
import { chooseFreePortRow } from '../../src/process/ports.ts';
import { identifyProcess } from '../../src/process/process-identity.ts';

const tiny = fileURLToPath(new URL('../fixtures/tiny-service.ts', import.meta.url));
let root: string;
let dataDir: string;
const running: Cluster[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
  dataDir = join(root, 'data');
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((cluster) => cluster.stopAtOnce()));
  rmSync(root, { recursive: true });
});

interface Watched {
  readonly options: ClusterOptions;
  readonly reports: string[];
  readonly lines: string[];
}

async function watched(changes: Partial<ClusterOptions> = {}): Promise<Watched> {
  const first = await chooseFreePortRow(7);
  const reports: string[] = [];
  const lines: string[] = [];
  const options: ClusterOptions = {
    dataDir,
    topology: 'isolated',
    broker: 'auto',
    ports: { kafka: first, order: first + 1, user: first + 5, gateway: first + 6 },
    isFresh: false,
    isRestarting: true,
    logLevel: 'info',
    environment: { PATH: process.env.PATH },
    describeCluster: () => Promise.reject(new Error('nobody needs a broker here')),
    scripts: { orderService: tiny, userService: tiny, gateway: tiny },
    onLine: ({ source, text }) => lines.push(`${source} ${text}`),
    onReport: (report) => reports.push(report.message),
    ...changes,
  };
  return { options, reports, lines };
}

async function start(options: ClusterOptions): Promise<Cluster> {
  const cluster = await Cluster.start(options);
  running.push(cluster);
  return cluster;
}

async function environmentOf(url: string): Promise<Record<string, string>> {
  return (await (await fetch(`${url}/environment`)).json()) as Record<string, string>;
}

const devFile = () => readDevFile(join(dataDir, 'dev.json'));

describe('a local cluster', () => {
  it('starts its services, tells dev.json about them and leaves nothing behind', async () => {
    const { options, lines } = await watched({ replicas: 2 });
    const cluster = await start(options);
    expect(devFile()).toEqual(cluster.describe());
    expect(devFile()).toMatchObject({ pid: process.pid, broker: null });
    expect(cluster.replicas.map((replica) => replica.name)).toEqual(['order-1', 'order-2']);
    expect(await environmentOf(cluster.replicas[1]?.url ?? '')).toMatchObject({
      REPLICA_ID: 'order-2',
      DBSYNC_TOPOLOGY: 'isolated',
      DATABASE_FILE: join(dataDir, 'order-2', 'orders.db'),
    });
    expect(lines.filter((line) => line.includes('listening')).length).toBe(4);
    const { pids } = cluster;
    expect(pids.length).toBe(4);
    await cluster.stop();
    expect(pids.map(identifyProcess)).toEqual([null, null, null, null]);
    expect(existsSync(join(dataDir, 'dev.json'))).toBe(false);
    expect(existsSync(join(dataDir, 'children.json'))).toBe(false);
  });

  it('starts replicas alone where nobody needs a front end, and adds one', async () => {
    const { options } = await watched({ replicas: 1, hasFrontEnd: false });
    const cluster = await start(options);
    await cluster.addReplica();
    expect(cluster.services.map(({ name }) => name)).toEqual(['order-1', 'order-2']);
    expect(cluster.pids.length).toBe(2);
    expect(devFile()).toMatchObject({ gateway: null, userService: null });
    expect(() => cluster.gateway).toThrow('There is no gateway here.');
  });

  it('starts a service again on the same port when it is killed, and tells the new pid', async () => {
    const { options, reports } = await watched({ replicas: 1 });
    const cluster = await start(options);
    const replica = cluster.service('order-1');
    const killed = replica.pid;
    replica.kill('SIGKILL');
    await expect.poll(() => devFile().orderReplicas[0]?.pid, { timeout: 20_000 }).toBeNull();
    await expect.poll(() => devFile().orderReplicas[0]?.pid, { timeout: 20_000 }).toBeGreaterThan(0);
    await replica.ready({ timeoutMs: 20_000, isFirstStart: false });
    expect(replica.pid).not.toBe(killed);
    expect((await environmentOf(replica.url)).PORT).toBe(String(replica.port));
    expect(reports.join()).toMatch(/order-1 ended unexpectedly \(SIGKILL\)/);
  });

  it('adds a replica, remembers it with the data and tells the user-service', async () => {
    const { options } = await watched({ replicas: 1 });
    const cluster = await start(options);
    const added = await cluster.addReplica();
    expect(added.name).toBe('order-2');
    await cluster.userService.ready({ timeoutMs: 20_000, isFirstStart: false });
    const urls = cluster.replicas.map((replica) => replica.url).join(',');
    expect((await environmentOf(cluster.userService.url)).ORDER_SERVICE_URLS).toBe(urls);
    const secret = readFileSync(join(dataDir, 'secret'), 'utf8');
    await cluster.stop();

    const again = await start(options.replicas === undefined ? options : { ...options, replicas: undefined });
    expect(again.replicas.length).toBe(2);
    expect(readFileSync(join(dataDir, 'secret'), 'utf8')).toBe(secret);
    await again.stop();

    const fresh = await start({ ...options, replicas: undefined, isFresh: true });
    expect(fresh.replicas.length).toBe(2);
    expect(readFileSync(join(dataDir, 'secret'), 'utf8')).not.toBe(secret);
  });

  it('waits for readiness and says what it waits for', async () => {
    const { options, reports } = await watched({
      replicas: 1,
      serviceEnvironment: { TINY_READY_AFTER_REQUESTS: '2' },
    });
    const cluster = await start(options);
    expect(reports).toContain('starting order-1, user-service, gateway');
    expect(cluster.pids.length).toBe(3);
  });

  it('takes everything down when one service cannot start, and says why', async () => {
    const { options, lines } = await watched({
      replicas: 2,
      serviceEnvironment: { TINY_BROKEN: 'bad DATABASE_FILE' },
    });
    await expect(Cluster.start(options)).rejects.toMatchObject({
      code: 'service-failed',
      message: expect.stringContaining('cannot start: bad DATABASE_FILE'),
    });
    expect(lines.length).toBeGreaterThan(0);
    expect(existsSync(join(dataDir, 'dev.json'))).toBe(false);
    const { options: healthy } = await watched();
    await start(healthy);
  });

  it('can be called off during its start', async () => {
    const calledOff = new AbortController();
    const { options } = await watched({
      replicas: 1,
      serviceEnvironment: { TINY_READY_AFTER_REQUESTS: '1000000' },
      signal: calledOff.signal,
    });
    const starting = Cluster.start({ ...options, onLine: () => calledOff.abort() });
    await expect(starting).rejects.toMatchObject({ code: 'stopped' });
    expect(existsSync(join(dataDir, 'children.json'))).toBe(false);
  });

  it('refuses a second supervisor on the same data', async () => {
    const { options } = await watched({ replicas: 1 });
    await start(options);
    const { options: second } = await watched({ replicas: 1 });
    await expect(Cluster.start(second)).rejects.toMatchObject({ code: 'already-running' });
  });

  it('names a port that is taken, with the option that moves it', async () => {
    const { options } = await watched({ replicas: 1 });
    await start(options);
    const other = { ...options, dataDir: join(root, 'other') };
    await expect(Cluster.start(other)).rejects.toMatchObject({
      code: 'port-taken',
      message: expect.stringContaining('wanted for order-1'),
      hint: expect.stringContaining('--order-port'),
    });
  });

  it('kills a service that does not want to end when everything must go at once', async () => {
    const { options } = await watched({ replicas: 1, serviceEnvironment: { TINY_STUBBORN: 'yes' } });
    const cluster = await start(options);
    const { pids } = cluster;
    const stopping = cluster.stop();
    await cluster.stopAtOnce();
    await stopping;
    expect(pids.map(identifyProcess)).toEqual([null, null, null]);
  });

  it('strikes at no pid of a server that has ended when everything must go at once', async () => {
    // Where the tests run as root, PostgreSQL runs as somebody else.
    chmodSync(root, 0o711);
    const { options } = await watched({ replicas: 1, topology: 'shared-db', isRestarting: false });
    const cluster = await start(options);
    const { postgres } = cluster;
    if (postgres === null) throw new Error('there is no PostgreSQL');
    const end = async (): Promise<number | null> => {
      const { pid } = postgres;
      await postgres.kill('SIGKILL');
      await postgres.ended();
      return pid;
    };
    await end();
    await postgres.restart();
    const ended = await end();
    expect(ended).toBeGreaterThan(0);
    // The pid may be somebody else's by now.
    const strike = vi.spyOn(process, 'kill');
    try {
      await cluster.stopAtOnce();
      expect(strike.mock.calls.map(([pid]) => Math.abs(pid))).not.toContain(ended);
    } finally {
      strike.mockRestore();
    }
  });

  it('knows its services by name', async () => {
    const { options } = await watched({ replicas: 1 });
    const cluster = await start(options);
    expect(() => cluster.service('order-9')).toThrow(
      expect.objectContaining({ code: 'not-found', hint: 'There are: order-1, user-service, gateway.' }),
    );
  });
});
