import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBroker } from '../../src/broker/start-broker.ts';
import { describeClusterWith } from '../../src/describe-cluster.ts';
import { identifyProcess } from '../../src/process/process-identity.ts';
import { startTestBroker, type TestBroker } from '../../testing/test-broker.ts';

const describeCluster = describeClusterWith({});
let test: TestBroker;
beforeAll(async () => {
  test = await startTestBroker();
});
afterAll(() => test.stop());

/** What a client reads at the broker's address. */
async function clusterId(): Promise<string> {
  return (await describeCluster({ kafka: { brokers: [test.bootstrap] }, timeoutMs: 10_000 })).clusterId;
}

function startOn(dataDir: string, port: number) {
  const onProgress = () => undefined;
  return startBroker({
    requested: test.broker.kind,
    dataDir,
    port,
    environment: process.env,
    describeCluster,
    onProgress,
  });
}

describe('a broker of our own', () => {
  it('answers a Kafka client with the cluster id that is kept beside its data', async () => {
    expect(test.broker.bootstrap).toBe(`127.0.0.1:${test.port}`);
    expect(await clusterId()).toBe(test.broker.clusterId);
    expect(readFileSync(join(test.dataDir, 'broker', 'cluster.id'), 'utf8').trim()).toBe(
      test.broker.clusterId,
    );
  });

  it('comes back on the same port and data after kill -9', async () => {
    const killed = test.broker.pid;
    await test.broker.kill('SIGKILL');
    await test.broker.ended();
    expect(test.broker.pid).toBeNull();
    await expect(clusterId()).rejects.toThrow();
    const begun = performance.now();
    await test.broker.restart();
    console.info(`ready again ${((performance.now() - begun) / 1000).toFixed(1)} s after kill -9`);
    expect(await clusterId()).toBe(test.broker.clusterId);
    expect(test.broker.pid).not.toBe(killed);
    await expect(test.broker.restart()).rejects.toMatchObject({ code: 'broker-failed' });
  });

  it('names the port when it is in use, and the option that changes it', async () => {
    await expect(startOn(join(test.dataDir, 'second'), test.port)).rejects.toMatchObject({
      code: 'port-taken',
      message: expect.stringContaining(`Port ${test.port} on 127.0.0.1, wanted for Kafka`),
      hint: expect.stringContaining('--kafka-port'),
    });
  });

  it('keeps its identity when it is stopped and another process starts on its data', async () => {
    const { clusterId: known, pid } = test.broker;
    await test.broker.stop();
    expect(pid !== null && identifyProcess(pid)).toBeFalsy();
    const again = await startOn(test.dataDir, test.port);
    try {
      expect(again.clusterId).toBe(known);
      expect(await clusterId()).toBe(known);
    } finally {
      await again.stop();
    }
  });

  it('can be called off during its start and leaves nothing running', async () => {
    const calledOff = new AbortController();
    const pids: number[] = [];
    const starting = startBroker({
      requested: 'java',
      dataDir: join(test.dataDir, 'called-off'),
      port: test.port,
      environment: process.env,
      describeCluster,
      onProgress: () => undefined,
      onSpawn: (pid) => {
        pids.push(pid);
        calledOff.abort();
      },
      signal: calledOff.signal,
    });
    await expect(starting).rejects.toMatchObject({ code: 'stopped' });
    expect(pids.map(identifyProcess)).toEqual([null]);
  });
});
