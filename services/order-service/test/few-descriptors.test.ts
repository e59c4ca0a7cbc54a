/**
 * A replica as a process that may open few files, and clients that hold connections open and send nothing.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { waitUntil } from '@dbsync/replication/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { pens } from './order-requests.ts';
import { afterwards, newDirectory, stopEverything } from './running-service.ts';

const OPEN_FILES = 110;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await stopEverything();
});

async function startLimited(): Promise<{ child: ChildProcess; url: string; port: number }> {
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
  const child = spawn('prlimit', [`--nofile=${OPEN_FILES}:${OPEN_FILES}`, process.execPath, main], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      REPLICA_ID: 'order-1',
      DATABASE_FILE: join(newDirectory(), 'orders.db'),
      DBSYNC_TOPOLOGY: 'isolated',
      DBSYNC_CLUSTER: 'test',
      DBSYNC_SECRET: 'a secret of sixteen and more',
    },
  });
  afterwards(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { url?: string };
    if (url !== undefined) {
      child.stdout.resume();
      return { child, url, port: Number(new URL(url).port) };
    }
  }
  throw new Error('it does not say where it listens');
}

/** Opens idle connections until no more are taken. */
async function occupy(port: number, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    sockets.push(socket);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  }
}

const write = (url: string): Promise<number> =>
  fetch(`${url}/order-service/ada/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(pens),
  }).then(
    ({ status }) => status,
    () => 0,
  );

describe('a replica that may open few files', () => {
  it('answers 503 while idle clients hold all connections, does not crash, and recovers', async ({
    skip,
  }) => {
    const { status } = spawnSync('prlimit', ['--version']);
    skip(status !== 0, 'few descriptors need prlimit (util-linux)');
    const { child, url, port } = await startLimited();
    expect(await write(url)).toBe(201);
    // Ninety per cent of what is left of the descriptors: from here on there are more than can be served.
    await occupy(port, Math.floor((OPEN_FILES - 64) * 0.9));
    expect(await write(url)).toBe(503);
    expect((await fetch(`${url}/livez`, { headers: { connection: 'close' } })).status).toBe(200);
    // Far beyond: cut off, but nothing breaks.
    await occupy(port, 200);
    await write(url);
    expect(child.exitCode).toBeNull();
    for (const socket of sockets.splice(0)) socket.destroy();
    await waitUntil('it serves again', async () => (await write(url)) === 201);
    const orders = await fetch(`${url}/order-service/ada/orders`);
    expect(((await orders.json()) as unknown[]).length).toBeGreaterThanOrEqual(2);
    expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  });
});
