/**
 * One replica id used twice: by configuration, and by a data directory that was copied while its replica ran.
 */
import { cpSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Replica } from '../src/replica.ts';
import { silentLogger } from '../src/surroundings.ts';
import { MemoryCluster, note, untilLive, waitUntil } from '../testing/index.ts';

let cluster: MemoryCluster;

beforeEach(() => {
  cluster = new MemoryCluster();
});
afterEach(() => cluster.close());

/** Starts `order-1` in a folder of the test's; what it complains about goes into `errors`. */
async function start(folder: string): Promise<{ replica: Replica; errors: string[]; failures: unknown[] }> {
  const errors: string[] = [];
  const logger = { ...silentLogger, error: (_: object, message: string) => void errors.push(message) };
  const { replica, failures } = await cluster.start('order-1', {
    directory: cluster.folder(folder),
    world: { logger },
  });
  await untilLive(replica, `the one in ${folder}`);
  return { replica, errors, failures };
}
const insert = (replica: Replica, ...ids: string[]) =>
  Promise.all(ids.map((id) => replica.insert('notes', note(id), { concern: 'local' })));

/** Both say so, once, and hold the same `rows` rows. */
async function expectTwins(pair: Awaited<ReturnType<typeof start>>[], rows: number): Promise<void> {
  for (const { replica, errors } of pair) {
    await waitUntil('it says so', async () => (await replica.status()).twins.length === 1);
    const [twins] = (await replica.status()).twins;
    expect(twins?.replicaId).toBe('order-1');
    expect([...(twins?.origins ?? [])].sort()).toEqual(pair.map((one) => one.replica.origin).sort());
    await waitUntil('it has every row', async () => {
      const { rows: held, unpublished } = await replica.status();
      return (held === rows && unpublished === 0) || `${held} rows, ${unpublished} unpublished`;
    });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/two processes run with one replica id/);
  }
  expect(new Set(pair.map(({ replica }) => replica.digest())).size).toBe(1);
  for (const { replica, failures } of pair) {
    expect((await replica.deepCheck()).problems).toEqual([]);
    expect(failures).toEqual([]);
  }
}

describe('the same replica id in two directories', () => {
  it('is noticed by both; nothing collides, and both hold every row', async () => {
    const one = await start('x');
    await insert(one.replica, 'n1', 'n2');
    const two = await start('y');
    await insert(two.replica, 'n3');
    await insert(one.replica, 'n4');
    await expectTwins([one, two], 4);
  });

  it('is over when one of them leaves', async () => {
    const one = await start('x');
    const two = await start('y');
    await expectTwins([one, two], 0);
    await two.replica.stop();
    await waitUntil('it is over', async () => (await one.replica.status()).twins.length === 0);
  });
});

describe('a data directory copied while its replica runs', () => {
  it('makes a second replica that takes nothing from the first one', async () => {
    const one = await start('x');
    await insert(one.replica, 'n1', 'n2', 'n3');
    await one.replica.reads.all('SELECT 1');
    cluster.broker.setReachable(false);
    await insert(one.replica, 'n4', 'n5');
    cpSync(cluster.folder('x'), cluster.folder('y'), { recursive: true });
    cluster.broker.setReachable(true);
    const two = await start('y');
    await insert(one.replica, 'n6');
    await insert(two.replica, 'n7');
    await expectTwins([one, two], 7);
    expect(two.replica.origin).not.toBe(one.replica.origin);
  });
});
