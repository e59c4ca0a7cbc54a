import { afterEach, describe, expect, it } from 'vitest';
import { expectProblem, jsonOf, list, pens, place, post } from './order-requests.ts';
import { statusOf } from './replica-status.ts';
import { stopEverything } from './running-service.ts';
import { startOnSmallDisk, whyNoSmallDisk } from './small-disk.ts';

afterEach(stopEverything);

const MEGABYTE = 1024 * 1024;
/** More orders than fit, at more than a hundred bytes an order. */
const TOO_MANY = (8 * MEGABYTE) / 100;

describe('a full disk', () => {
  it('refuses writes with 507, keeps what was accepted, and goes on when there is room', async ({ skip }) => {
    const obstacle = whyNoSmallDisk();
    if (obstacle !== undefined) return skip(obstacle);
    const disk = await startOnSmallDisk(8 * MEGABYTE);
    const orders = `${disk.url}/order-service/ada/orders`;
    const keyed = await place(disk.url, { userId: 'bob', headers: { 'Idempotency-Key': 'before' } });
    disk.fill(5 * MEGABYTE);

    const accepted = new Set<string>();
    const refused: Response[] = [];
    const client = async (): Promise<void> => {
      while (refused.length < 20 && accepted.size < TOO_MANY) {
        const answer = await post(orders);
        if (answer.status === 201) accepted.add((await jsonOf<{ orderId: string }>(answer)).orderId);
        else refused.push(answer);
      }
    };
    await Promise.all(Array.from({ length: 16 }, client));
    console.log(`disk full after ${accepted.size} orders`);
    expect(accepted.size).toBeGreaterThan(100);
    for (const answer of refused) {
      const problem = await expectProblem(answer, 507);
      expect(problem).toMatchObject({ type: '/problems/disk-full', title: 'Disk full' });
      expect(answer.headers.get('Retry-After')).toMatch(/^\d+$/);
    }

    expect((await fetch(`${disk.url}/readyz`)).status).toBe(200);
    expect((await list(disk.url, { userId: 'bob' })).orders).toHaveLength(1);
    expect(await statusOf(disk.url)).toMatchObject({ state: 'live', writable: false });
    await expectProblem(await post(orders), 507);
    // What is there already is answered, full or not; what was refused has left its key free.
    const again = { userId: 'bob', headers: { 'Idempotency-Key': 'before' } };
    expect(await place(disk.url, again)).toEqual(keyed);
    const refusedKey = { 'Idempotency-Key': 'refused' };
    await expectProblem(await post(orders, pens, refusedKey), 507);
    await expectProblem(await post(orders, { ...pens, quantity: 9 }, refusedKey), 507);

    disk.makeRoom();
    const other = { ...pens, quantity: 8 };
    const { order } = await place(disk.url, { command: other, headers: refusedKey });
    expect((await place(disk.url, { command: other, headers: refusedKey })).order).toEqual(order);
    await expectProblem(await post(orders, pens, refusedKey), 422);
    accepted.add(order.orderId);
    const status = await statusOf(disk.url);
    // Refused orders left nothing behind, accepted ones are all there.
    expect(status).toMatchObject({ writable: true, rows: accepted.size + 1 });
    const deep = await jsonOf(fetch(`${disk.url}/replication/digest?deep=1`));
    expect(deep).toMatchObject({ problems: [], digest: status.digest, rows: status.rows });
    expect(disk.process.exitCode).toBeNull();
  });
});
