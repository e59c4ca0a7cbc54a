import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { callDocker } from '../../src/broker/docker-cli.ts';
import { probeReplica, waitFor } from '../../src/index.ts';
import {
  ContainerStack,
  layGround,
  makeOtherImage,
  placeOrdersInside,
} from '../../testing/containers/index.ts';
import { assertConverged, assertSameRows, placeOrders } from '../../testing/index.ts';

const ground = await layGround();

/** Rows of a replica, by its own word. */
const rowsOf = async (url: string): Promise<number> => (await probeReplica(url).status()).rows;

async function post(url: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

describe('an order replica in a container', () => {
  it('that does not start says why, as it printed it, and leaves nothing behind', async () => {
    const { network } = ground();
    const starting = ContainerStack.start({
      ground: ground(),
      names: ['order-1'],
      environment: { DBSYNC_SECRET: 'short' },
    });
    await expect(starting).rejects.toThrow(/^order-1 did not start: .*\nIts last lines:\n.*DBSYNC_SECRET/s);
    const args = ['ps', '--all', '--filter', `network=${network}`, '--format', '{{.Command}}'];
    const left = await callDocker({ environment: process.env, args });
    expect(left.stdout).not.toContain('run-service');
    expect(left.stdout.trim().split('\n').length).toBe(1);
  });
});

describe('three order replicas in containers', () => {
  it('converge on what was written to all of them at once, down to their files', async () => {
    const stack = await ContainerStack.start({ ground: ground() });
    const load = await placeOrders({ urls: () => stack.orderUrls, count: 1500, clients: 24, name: 'all' });
    expect([...load.failures]).toEqual([]);
    await assertConverged(stack.orderUrls);
    await stack.assertSameRows(load);
    const files = await stack.copyDatabases();
    const database = new DatabaseSync(files[1] ?? '');
    database.exec("UPDATE orders SET created_at = '2026-01-02T03:04:05.678Z' WHERE product_id = 'all-700'");
    database.close();
    // A judge that counts, or compares what the files say of themselves, would see nothing.
    await expect(assertSameRows(files, { chain: ground().chain, records: [load] })).rejects.toThrow(
      /^the files are not right:\n.*"broken chain","count":1.*$/,
    );
    await stack.stop();
  });

  it('give equal answers to two reads of a user with five orders, through user-service and gateway', async () => {
    const names = ['order-1', 'order-2', 'order-3', 'user-service', 'gateway'];
    const stack = await ContainerStack.start({ ground: ground(), names });
    const user = await post(`${stack.of('gateway').url}/user-service/users`, {
      ...{ email: 'ada@example.com', name: 'Ada', password: 'difference engine' },
    });
    expect(user.status).toBe(201);
    const { userId } = user.body;
    for (let number = 1; number <= 5; number += 1) {
      const url = stack.orderUrls[number % 3];
      const order = { productId: String(number), quantity: 1, unitPrice: 100 };
      expect((await post(`${url}/order-service/${userId}/orders`, order)).status).toBe(201);
    }
    await assertConverged(stack.orderUrls);
    const products: unknown[] = [];
    for (const name of ['user-service', 'user-service', 'gateway', 'gateway']) {
      const answer = await fetch(`${stack.of(name).url}/user-service/users/${userId}`);
      const { orders } = (await answer.json()) as { orders: { productId: string }[] };
      products.push(orders.map(({ productId }) => productId).join(''));
    }
    expect(products).toEqual(['12345', '12345', '12345', '12345']);
    await stack.stop();
  });

  it('lose nothing when one is killed under load, and starts again on its volume', async () => {
    const stack = await ContainerStack.start({ ground: ground() });
    const abort = new AbortController();
    const urls = (): readonly string[] => stack.orderUrls;
    const loading = placeOrders({ urls, clients: 12, name: 'kill', signal: abort.signal });
    const victim = stack.of('order-2');
    await waitFor({
      what: 'load on the victim',
      timeoutMs: 30_000,
      look: async () => {
        const rows = await rowsOf(victim.url);
        return rows > 300 ? { found: rows } : { missing: `${rows} rows` };
      },
    });
    await victim.kill();
    const before = await rowsOf(stack.of('order-1').url);
    await waitFor({
      what: 'orders on the others meanwhile',
      timeoutMs: 30_000,
      look: async () => {
        const rows = await rowsOf(stack.of('order-1').url);
        return rows > before + 200 ? { found: rows } : { missing: `${rows - before} rows more` };
      },
    });
    await victim.startAgain();
    const seconds = await victim.untilReady();
    abort.abort();
    const load = await loading;
    const equalSeconds = await assertConverged(stack.orderUrls);
    await stack.assertSameRows(load);
    console.log(
      `killed: ready again after ${seconds.toFixed(1)} s, ${load.acknowledged.size} acknowledged of ${load.attempted.size}, equal ${equalSeconds.toFixed(1)} s after the last one`,
    );
    await stack.stop();
  });

  it('keep in their volumes what nobody else has: a container of another image publishes what the old one stored', async () => {
    const other = await makeOtherImage(ground().images.service);
    const stack = await ContainerStack.start({ ground: ground() });
    const before = await placeOrders({ urls: () => stack.orderUrls, count: 150, clients: 6, name: 'before' });
    await assertConverged(stack.orderUrls);
    const lonely = stack.of('order-3');
    await lonely.cutOff();
    const alone = await placeOrdersInside(lonely, { name: 'alone', count: 100 });
    expect([...alone.failures]).toEqual([]);
    await stack.take('order-3');
    expect(await Promise.all(stack.orderUrls.map(rowsOf))).toEqual([150, 150]);
    await stack.add('order-3', other);
    await assertConverged(stack.orderUrls);
    await stack.assertSameRows(before, alone);
    await stack.stop();
  });

  it('go on on both sides when one is cut off from the network, and are equal after it', async () => {
    const stack = await ContainerStack.start({ ground: ground() });
    const before = await placeOrders({ urls: () => stack.orderUrls, count: 150, clients: 6, name: 'before' });
    await assertConverged(stack.orderUrls);
    const lonely = stack.of('order-3');
    const others = stack.orderUrls.filter((url) => url !== lonely.url);
    await lonely.cutOff();
    const [there, here] = await Promise.all([
      placeOrdersInside(lonely, { name: 'there', count: 200 }),
      placeOrders({ urls: () => others, count: 200, clients: 6, name: 'here' }),
    ]);
    expect([[...there.failures], [...here.failures]]).toEqual([[], []]);
    await assertConverged(others);
    expect(await Promise.all(others.map(rowsOf))).toEqual([350, 350]);
    await lonely.rejoin();
    await lonely.untilReady();
    const seconds = await assertConverged(stack.orderUrls);
    await stack.assertSameRows(before, there, here);
    console.log(`cut off with 200 orders on each side: equal ${seconds.toFixed(1)} s after`);
    await stack.stop();
  });
});
