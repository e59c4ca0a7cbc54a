import { waitUntil } from '@dbsync/replication/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { ordersOfVersion1 } from '../fixtures/version-1.ts';
import { expectProblem, jsonOf, list, type OrderAnswer, pens, place, post } from '../order-requests.ts';
import { statusOf, untilEqual, untilStatus } from '../replica-status.ts';
import { type RunningReplica, startReplica, stopEverything } from '../running-service.ts';

afterEach(stopEverything);

const ordersOf = ({ url }: RunningReplica): string => `${url}/order-service/ada/orders`;
const locationOf = ({ url }: RunningReplica, location: string): URL => new URL(location, url);

describe('the note of an order', () => {
  it('is in the answers to whoever sent one, and in no other answer', async () => {
    const replica = await startReplica({ isIsolated: true });
    const said = await place(replica.url, { command: { ...pens, note: 'ring twice' } });
    const silent = await place(replica.url);
    const empty = await place(replica.url, { command: { ...pens, note: '' } });
    expect(said.order).toMatchObject({ note: 'ring twice' });
    expect(Object.keys(silent.order)).not.toContain('note');
    expect(empty.order).toMatchObject({ note: '' });
    expect((await list(replica.url)).orders).toEqual([said.order, silent.order, empty.order]);
    for (const { order, location } of [said, silent, empty]) {
      expect(await jsonOf(fetch(locationOf(replica, location)))).toEqual(order);
    }
  });

  it.each([
    ['201 characters', 'n'.repeat(201)],
    ['a number', 1],
    ['null', null],
    ['a NUL', 'a\0'],
    ['half a pair', '\ud83d'],
  ])('is refused as %s, and nothing is stored', async (_what, note) => {
    const replica = await startReplica({ isIsolated: true });
    await expectProblem(await post(ordersOf(replica), { ...pens, note }), 400);
    expect((await statusOf(replica.url)).rows).toBe(0);
  });

  it('belongs to what an Idempotency-Key stands for', async () => {
    const replica = await startReplica({ isIsolated: true });
    const headers = { 'Idempotency-Key': 'k1' };
    const command = { ...pens, note: 'x'.repeat(200) };
    const first = await place(replica.url, { command, headers });
    expect(await place(replica.url, { command, headers })).toEqual(first);
    for (const other of [pens, { ...pens, note: '' }, { ...pens, note: 'y' }]) {
      await expectProblem(await post(ordersOf(replica), other, headers), 422);
    }
  });
});

describe('replicas of two builds', () => {
  it('converge both ways; a note is taken when the last one is upgraded', async () => {
    const one = await startReplica();
    const old = await startReplica({ broker: one.broker, replicaId: 'order-2', describe: ordersOfVersion1 });
    await untilStatus(one.url, 'it waits for the older one', ({ schema }) =>
      schema.waitsFor.some(({ schemaVersion }) => schemaVersion === 1),
    );
    const first = await place(one.url);
    const second = await place(old.url);
    const early = await post(ordersOf(one), { ...pens, note: 'early' });
    expect(await expectProblem(early, 503)).toMatchObject({ type: '/problems/version-pending' });
    await expectProblem(await post(ordersOf(old), { ...pens, note: 'early' }), 400);
    await untilEqual([one.url, old.url]);
    expect((await list(old.url)).orders).toEqual([first.order, second.order]);
    await old.stop();

    const upgraded = await startReplica({
      broker: one.broker,
      replicaId: 'order-2',
      directory: old.directory,
    });
    await untilStatus(one.url, 'it writes version 2', ({ schema }) => schema.writes === 2);
    const third = await place(one.url, { command: { ...pens, note: 'at last' } });
    await untilEqual([one.url, upgraded.url]);
    for (const replica of [one, upgraded]) {
      expect((await list(replica.url)).orders).toEqual([first.order, second.order, third.order]);
      const deep = await jsonOf(fetch(`${replica.url}/replication/digest?deep=1`));
      expect(deep).toMatchObject({ problems: [], digest: deep.expected, rows: 3 });
    }
  });

  it('need not all be upgraded where an operator says so; the older one is stalled until it is', async () => {
    const one = await startReplica();
    const old = await startReplica({ broker: one.broker, replicaId: 'order-2', describe: ordersOfVersion1 });
    const accepted = await fetch(`${one.url}/replication/accept-schema`, { method: 'POST' });
    expect(await accepted.json()).toEqual({ schemaVersion: 2 });
    const { order } = await place(one.url, { command: { ...pens, note: 'now' } });
    const { stalled } = await untilStatus(old.url, 'it is stalled', (status) => status.stalled.length === 1);
    expect(stalled).toMatchObject([{ reason: 'schema', dismissed: false }]);
    expect((await fetch(`${old.url}/readyz`)).status).toBe(200);
    await place(old.url);
    await untilStatus(one.url, 'the others go on', ({ rows }) => rows === 2);
    await old.stop();
    const upgraded = await startReplica({
      broker: one.broker,
      replicaId: 'order-2',
      directory: old.directory,
    });
    await untilEqual([one.url, upgraded.url]);
    await waitUntil('it has the order', async () => {
      const { orders } = await list(upgraded.url);
      return orders.some((found: OrderAnswer) => found.orderId === order.orderId);
    });
  });
});
