/**
 * A client whose connection broke does not know whether its order is there. It sends it again with the same key.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { expectProblem, list, pens, place, post } from './order-requests.ts';
import { statusOf } from './replica-status.ts';
import { afterwards, newDirectory, stopEverything, testIdentity } from './running-service.ts';

const CRASHING = fileURLToPath(new URL('./fixtures/crashing-replica.ts', import.meta.url));
const KEY = { 'Idempotency-Key': 'k1' };

afterEach(stopEverything);

/** Starts an isolated replica that dies at the moment that `directory/crash` names. */
async function start(directory: string): Promise<{ url: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [CRASHING], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      REPLICA_ID: 'order-1',
      DATABASE_FILE: path.join(directory, 'orders.db'),
      DBSYNC_TOPOLOGY: 'isolated',
      DBSYNC_CLUSTER: testIdentity.cluster,
      DBSYNC_SECRET: testIdentity.secret,
      CRASH_FILE: path.join(directory, 'crash'),
    },
  });
  afterwards(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { msg: string; url?: string };
      if (said.msg === 'order replica answers' && said.url !== undefined) resolve(said.url);
    });
    child.once('close', () => reject(new Error('the replica ended before it answered')));
  });
  return { url, child };
}

describe('the same key again, after a kill -9 that left the client without an answer', () => {
  it.each([
    ['before the commit', 'write:before-commit', 0],
    ['between the commit and the answer', 'write:after-commit', 1],
  ])('%s is the same order, and one', async (_what, step, rowsLeft) => {
    const directory = newDirectory();
    const first = await start(directory);
    writeFileSync(path.join(directory, 'crash'), JSON.stringify({ step, occurrence: 1, isHeld: false }));
    const ended = once(first.child, 'close');
    await expect(post(`${first.url}/order-service/ada/orders`, pens, KEY)).rejects.toThrow();
    await ended;
    const { url } = await start(directory);
    expect((await statusOf(url)).rows).toBe(rowsLeft);
    const told = await place(url, { headers: KEY });
    expect(await place(url, { headers: KEY })).toEqual(told);
    expect((await list(url)).orders).toEqual([told.order]);
    await expectProblem(await post(`${url}/order-service/ada/orders`, { ...pens, quantity: 4 }, KEY), 422);
    expect((await statusOf(url)).rows).toBe(1);
  });
});
