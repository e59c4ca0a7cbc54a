import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { damageDatabase, rawTopic, SeededNumbers } from '@dbsync/replication/testing';
import { describe, expect, inject, it } from 'vitest';
import { blankPages, emptyLog } from '../src/chaos/damage-fault.ts';
import { operate, waitFor } from '../src/index.ts';
import {
  assertConverged,
  assertNothingLostOrMade,
  type LoadRecord,
  ordersInFile,
  placeOrders,
  startTestCluster,
  type TestCluster,
} from '../testing/index.ts';

interface Status {
  readonly origin: string;
  readonly state: string;
  readonly rows: number;
  readonly unpublished: number;
  readonly logReachable: boolean;
  readonly damage: {
    readonly state: string;
    readonly last: {
      readonly what: string;
      readonly keptAs: string | null;
      readonly salvaged: number;
      readonly renewed: number;
      readonly lost: number | null;
      readonly report: string;
    } | null;
  };
}

const statusOf = async (url: string): Promise<Status> =>
  (await (await fetch(`${url}/replication/status`)).json()) as Status;

async function until(what: string, isTrue: () => Promise<boolean>, timeoutMs = 90_000): Promise<number> {
  const begun = performance.now();
  const look = async () =>
    (await isTrue().catch(() => false)) ? { found: true as const } : { missing: 'not yet' };
  await waitFor({ what, timeoutMs, look });
  return (performance.now() - begun) / 1000;
}

/** Gone by -9, and not started again. */
async function killForGood({ cluster }: TestCluster, name: string): Promise<void> {
  const victim = cluster.service(name);
  victim.kill('SIGKILL');
  await until(`${name} is gone`, async () => victim.pid === null);
}

function copyDirectory(from: string, to: string): void {
  for (const name of readdirSync(to)) rmSync(join(to, name), { recursive: true });
  for (const name of readdirSync(from)) copyFileSync(join(from, name), join(to, name));
}

/** The broker is gone for as long as `work` takes: one that only stood still would be missed much later. */
async function withoutBroker<T>({ cluster }: TestCluster, work: () => Promise<T>): Promise<T> {
  const { broker } = cluster;
  if (broker === null) throw new Error('this cluster has no broker of its own');
  await broker.kill('SIGKILL');
  await broker.ended();
  try {
    return await work();
  } finally {
    await broker.restart();
  }
}

describe('a damaged database on real processes', () => {
  it('is set aside, rebuilt from a peer and salvaged, whichever way it was damaged', async () => {
    const testCluster = await startTestCluster({ replicas: 3, broker: 'own', isRestarting: false });
    const { cluster, orderUrls, stop } = testCluster;
    const records: LoadRecord[] = [];
    records.push(await placeOrders({ urls: () => orderUrls, count: 900, clients: 24, name: 'before' }));
    await assertConverged(orderUrls);
    const numbers = new SeededNumbers(4);
    let lost = 0;
    const withKind = (kind: 'the file cut short' | 'the log cut short') => (file: string) =>
      damageDatabase(file, { kind, numbers, foreignLog: Buffer.alloc(0) });
    const damages: [string, (file: string) => unknown][] = [
      ['the file cut short', withKind('the file cut short')],
      ['the log cut short', withKind('the log cut short')],
      ['zeros behind the first page', blankPages],
    ];
    for (const [index, [kind, damage]] of damages.entries()) {
      const name = `order-${index + 1}`;
      const victim = cluster.service(name);
      emptyLog(victim.database);
      await withoutBroker(testCluster, async () => {
        await until('the broker is missed', async () => !(await statusOf(victim.url)).logReachable);
        records.push(
          await placeOrders({ urls: () => [victim.url], count: 60, clients: 8, name: `late-${index}` }),
        );
        await killForGood(testCluster, name);
      });
      damage(victim.database);
      await victim.restart();
      const seconds = await until(`${name} has dealt with it`, async () => {
        const { damage: found, state } = await statusOf(victim.url);
        return found.state === 'none' && found.last !== null && state === 'live';
      });
      const { last } = (await statusOf(victim.url)).damage;
      console.log(
        `${kind}: dealt with after ${seconds.toFixed(1)} s, ${last?.salvaged} rows salvaged, ${last?.renewed} as new ones, ${last?.lost} lost`,
      );
      expect(existsSync(last?.report ?? '')).toBe(true);
      expect(existsSync(last?.keptAs ?? '')).toBe(true);
      await assertConverged(orderUrls);
      lost += last?.lost ?? 0;
    }
    const acknowledged = records.flatMap((record) => [...record.acknowledged.keys()]);
    const attempted = new Set(records.flatMap((record) => [...record.attempted]));
    for (const { database } of cluster.replicas) {
      const products = ordersInFile(database).map(({ product_id }) => product_id);
      expect(new Set(products).size).toBe(products.length);
      expect(products.filter((product) => !attempted.has(product))).toEqual([]);
      const held = new Set(products);
      const missing = acknowledged.filter((product) => !held.has(product));
      expect(missing.filter((product) => product.startsWith('before'))).toEqual([]);
      expect(missing.length).toBeLessThanOrEqual(lost);
    }
    await stop();
  });

  it('is found by a read while the replica runs, and the replica comes back whole', async () => {
    const { cluster, orderUrls, stop } = await startTestCluster({ replicas: 2 });
    const records = [await placeOrders({ urls: () => orderUrls, count: 800, clients: 24, name: 'read' })];
    await assertConverged(orderUrls);
    const victim = cluster.service('order-2');
    const { pid } = victim;
    emptyLog(victim.database);
    blankPages(victim.database);
    // What readers have of the file in memory is forgotten once something is written.
    records.push(
      await placeOrders({ urls: () => orderUrls.slice(0, 1), count: 20, clients: 4, name: 'meanwhile' }),
    );
    const seconds = await until('it was found and dealt with', async () => {
      await fetch(`${victim.url}/order-service/user-1/orders`);
      const { damage, state } = await statusOf(victim.url);
      return victim.pid !== pid && damage.state === 'none' && damage.last !== null && state === 'live';
    });
    console.log(`found by a read and rebuilt: ${seconds.toFixed(1)} s`);
    await assertConverged(orderUrls);
    assertNothingLostOrMade(
      cluster.replicas.map(({ database }) => database),
      records,
    );
    await stop();
  });

  it('with nothing to rebuild it from stops the replica and stays untouched', async () => {
    const testCluster = await startTestCluster({ replicas: 1, isRestarting: false });
    const { cluster, orderUrls, topicPrefix, stop } = testCluster;
    await placeOrders({ urls: () => orderUrls, count: 300, clients: 16, name: 'alone' });
    const victim = cluster.service('order-1');
    await until('all is in the log', async () => (await statusOf(victim.url)).unpublished === 0);
    emptyLog(victim.database);
    await killForGood(testCluster, 'order-1');
    await rawTopic(inject('sharedBroker').bootstrap, `${topicPrefix}orders.changes`).cut(5);
    damageDatabase(victim.database, {
      kind: 'the header',
      numbers: new SeededNumbers(1),
      foreignLog: Buffer.alloc(0),
    });
    const hashOf = (): string => createHash('sha256').update(readFileSync(victim.database)).digest('hex');
    const before = hashOf();
    await victim.restart();
    await until('it says that it has stopped', async () => (await statusOf(victim.url)).state === 'stopped');
    expect(hashOf()).toBe(before);
    const orders = `${victim.url}/order-service/ada/orders`;
    const post = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"productId":"x","quantity":1,"unitPrice":1}',
    };
    expect((await fetch(`${victim.url}/readyz`)).status).toBe(503);
    expect((await fetch(orders)).status).toBe(503);
    expect((await fetch(orders, post)).status).toBe(503);
    expect(await (await fetch(`${victim.url}/readyz?verbose`)).text()).toMatch(/damaged/);
    expect((await fetch(`${victim.url}/livez`)).status).toBe(200);
    await stop();
  });
});

describe('an old copy of a directory', () => {
  it('put back takes its own newer rows back, and numbers nothing twice, with the log and without it', async () => {
    const testCluster = await startTestCluster({ replicas: 2, broker: 'own', isRestarting: false });
    const { cluster, orderUrls, stop } = testCluster;
    const load = (name: string, urls: readonly string[], count = 200): Promise<LoadRecord> =>
      placeOrders({ urls: () => urls, count, clients: 12, name });
    const records = [await load('first', orderUrls)];
    await assertConverged(orderUrls);
    const second = cluster.service('order-2');
    const directory = dirname(second.database);
    const old = mkdtempSync(join(tmpdir(), 'dbsync-old-copy-'));
    await killForGood(testCluster, 'order-2');
    copyDirectory(directory, old);
    await second.restart();
    records.push(await load('newer', [second.url]));
    await assertConverged(orderUrls);

    await killForGood(testCluster, 'order-2');
    copyDirectory(old, directory);
    await second.restart();
    await assertConverged(orderUrls);
    records.push(await load('after', orderUrls));
    await assertConverged(orderUrls);

    await killForGood(testCluster, 'order-2');
    copyDirectory(old, directory);
    await withoutBroker(testCluster, async () => {
      await second.restart();
      await until('it serves without the log', async () => (await fetch(`${second.url}/readyz`)).ok);
      records.push(await load('away', [second.url], 50));
    });
    await assertConverged(orderUrls);
    expect(records.at(-1)?.acknowledged.size).toBe(50);
    assertNothingLostOrMade(
      cluster.replicas.map(({ database }) => database),
      records,
    );
    rmSync(old, { recursive: true });
    await stop();
  });
});

describe('a snapshot file', () => {
  it('brings everything back when the topic and all disks are lost', async () => {
    const testCluster = await startTestCluster({ replicas: 3, isRestarting: false });
    const { cluster, dataDir, orderUrls, topicPrefix, stop } = testCluster;
    const load = await placeOrders({ urls: () => orderUrls, count: 600, clients: 24, name: 'kept' });
    await assertConverged(orderUrls);
    const folder = mkdtempSync(join(tmpdir(), 'dbsync-backup-'));
    const file = join(folder, 'backup.snapshot');
    expect(await operate(['snapshot', 'save', file, '--data-dir', dataDir], () => undefined)).toBe(0);
    for (const { name } of cluster.replicas) await killForGood(testCluster, name);
    for (const { database } of cluster.replicas) rmSync(dirname(database), { recursive: true });
    const topic = rawTopic(inject('sharedBroker').bootstrap, `${topicPrefix}orders.changes`);
    await topic.drop();

    const load1 = ['snapshot', 'load', file, '--data-dir', dataDir, '--replica', 'order-1'];
    expect(await operate(load1, () => undefined)).toBe(0);
    await Promise.all(cluster.replicas.map((replica) => replica.restart()));
    const seconds = await until('all rows are everywhere', async () =>
      (await Promise.all(orderUrls.map(statusOf))).every(
        ({ rows, state }) => rows === 600 && state === 'live',
      ),
    );
    console.log(`restored from one file: ${seconds.toFixed(1)} s`);
    await assertConverged(orderUrls);
    assertNothingLostOrMade(
      cluster.replicas.map(({ database }) => database),
      [load],
    );
    const inLog = async (): Promise<number> =>
      new Set((await topic.readAll()).map(({ headers }) => String(headers.ce_id))).size;
    await until('everything is in the log again', async () => (await inLog()) === 600);
    rmSync(folder, { recursive: true });
    await stop();
  });
});
