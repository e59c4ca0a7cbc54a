import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { callDocker } from '../../src/broker/docker-cli.ts';
import { startBroker } from '../../src/broker/start-broker.ts';
import { describeClusterWith } from '../../src/describe-cluster.ts';
import { chooseFreePorts } from '../../src/process/ports.ts';
import { findKafkaEngine } from '../../testing/containers/engine.ts';

const environment = process.env;
const describeCluster = describeClusterWith({});
const engine = await findKafkaEngine();
let dataDir: string;
const started: Broker[] = [];

beforeEach(({ skip }) => {
  if ('absent' in engine) skip(engine.absent);
  dataDir = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(await logs());
  await Promise.all(started.splice(0).map((broker) => broker.stop()));
  if (dataDir !== undefined) rmSync(dataDir, { recursive: true, force: true });
});

async function start(port: number): Promise<Broker> {
  const onProgress = () => undefined;
  const broker = await startBroker({
    requested: 'docker',
    dataDir,
    port,
    environment,
    describeCluster,
    onProgress,
  });
  started.push(broker);
  return broker;
}

/** The last lines of the broker's containers, which are removed after each test. */
async function logs(): Promise<string> {
  const args = ['ps', '--all', '--quiet', '--filter', `label=dbsync.data-dir=${dataDir}`];
  const ids = (await callDocker({ environment, args })).stdout.split('\n').filter((line) => line !== '');
  const printed = ids.map(
    async (id) => (await callDocker({ environment, args: ['logs', '--tail', '80', id] })).output,
  );
  return (await Promise.all(printed)).join('\n');
}

async function containers(): Promise<string[]> {
  const args = ['ps', '--all', '--filter', `label=dbsync.data-dir=${dataDir}`, '--format', '{{.Ports}}'];
  const lines = (await callDocker({ environment, args })).stdout.split('\n').filter((line) => line !== '');
  // The image names a port of its own, which is listed although nobody is let in there.
  return lines.map((line) =>
    line
      .split(', ')
      .filter((port) => port.includes('->'))
      .join(', '),
  );
}

describe('a broker in a container', () => {
  it('is published on loopback only, survives kill -9 and a new start with its data, and is removed', async () => {
    const [port = 0] = await chooseFreePorts(1);
    const broker = await start(port);
    expect(broker).toMatchObject({ kind: 'docker', pid: null, bootstrap: `127.0.0.1:${port}` });
    expect(await containers()).toEqual([`127.0.0.1:${port}->${port}/tcp`]);

    await broker.kill('SIGKILL');
    expect(await broker.ended()).toBe('exit code 137');
    await broker.restart();
    const kafka = { brokers: [broker.bootstrap] };
    expect((await describeCluster({ kafka, timeoutMs: 10_000 })).clusterId).toBe(broker.clusterId);
    await broker.stop();
    expect(await containers()).toEqual([]);

    const again = await start(port);
    expect(again.clusterId).toBe(broker.clusterId);
  });

  it('that a killed run has left behind is replaced by the next start on its data', async () => {
    const [port = 0] = await chooseFreePorts(1);
    const left = await start(port);
    const next = await start(port);
    expect(next.clusterId).toBe(left.clusterId);
    expect((await containers()).length).toBe(1);
  });
});
