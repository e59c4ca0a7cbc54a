import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type BrokenAnswer, KeyedClient } from '../../src/load/keyed-client.ts';
import { isAnswer500, orderFor } from '../../src/load/order-load.ts';

interface Answer {
  readonly status: number;
  readonly body?: object;
  readonly token?: string;
}

const order = { productId: 'p-7', orderId: 'o', userId: 'user-7' };
const { userId, quantity, unitPrice } = orderFor(order.productId);
const stored = { ...order, userId, quantity, unitPrice, totalPrice: quantity * unitPrice };
const created: Answer = { status: 201, body: stored, token: 'order-1.x:1' };
const found: Answer = { status: 200, body: stored };
const away: Answer = { status: 503, body: { type: '/problems/service-away' } };
const missing: Answer = { status: 404, body: {} };
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A client of a gateway that gives these answers one after the other. */
async function clientOf(...answers: Answer[]) {
  const requests: { method: string; url: string; headers: Record<string, unknown> }[] = [];
  server = createServer((request, response) => {
    const { status, body = {}, token } = answers.shift() ?? { status: 404 };
    const { method = '', url = '', headers: sent } = request;
    requests.push({ method, url, headers: sent });
    const headers = token === undefined ? {} : { 'consistency-token': token };
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const failures: string[] = [];
  const broken: BrokenAnswer[] = [];
  const client = new KeyedClient({
    gatewayUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mode: 'header',
    answerMs: 2000,
    patienceMs: 5000,
    signal: new AbortController().signal,
    onFailure: (what) => failures.push(what),
    onBroken: (one) => broken.push(one),
  });
  const kinds = (): string[] => broken.map(({ invariant, kind }) => `${invariant} ${kind}`);
  return { client, requests, failures, kinds };
}

describe('a client of the gateway', () => {
  it('sends an order with the same key until it is acknowledged, and then its token with every read', async () => {
    const { client, requests, failures, kinds } = await clientOf(away, created, found);
    const placed = await client.place(order.productId);
    expect(placed).toMatchObject({ ...order, token: 'order-1.x:1' });
    expect(await client.readOwn(order)).toBe(true);
    expect(requests.map(({ method }) => method)).toEqual(['POST', 'POST', 'GET']);
    expect(requests.map(({ headers }) => headers['idempotency-key'])).toEqual(['p-7', 'p-7', undefined]);
    expect(requests[2]?.headers['consistency-token']).toBe('order-1.x:1');
    expect([failures, kinds()]).toEqual([['503 service-away'], []]);
  });

  it('finds an answer for something else than what it asked for', async () => {
    const { client, kinds } = await clientOf({ status: 201, body: { ...stored, quantity: 1000 } });
    await client.place(order.productId);
    expect(kinds()).toEqual(['I8 another answer']);
  });

  it('finds another order for a key that was answered before', async () => {
    const { client, kinds } = await clientOf(created, { status: 201, body: { ...stored, orderId: 'other' } });
    await client.placeAgain(order);
    await client.placeAgain(order);
    expect(kinds()).toEqual(['I8 another answer']);
  });

  it('finds a refusal that no order of its own deserves', async () => {
    const { client, kinds } = await clientOf({ status: 422, body: { type: '/problems/key-used-otherwise' } });
    expect(await client.place(order.productId)).toBeUndefined();
    expect(kinds()).toEqual(['I8 refused']);
  });

  it.each([404, 410])('finds an own order that a read answers with %i', async (status) => {
    const { client, kinds } = await clientOf({ status });
    expect(await client.readOwn(order)).toBe(false);
    expect(kinds()).toEqual(['I7 own write missed']);
  });

  it('counts every answer 500 in a way that the judge knows again, whatever it was to', async () => {
    const wrong: Answer = { status: 500, body: { type: '/problems/outcome-unknown' } };
    const { client, failures } = await clientOf(wrong, created, wrong, wrong, away);
    await client.place(order.productId);
    await client.readOwn(order);
    await client.lookFor(order);
    await client.readOwn(order);
    expect(failures.map(isAnswer500)).toEqual([true, true, true, false]);
  });

  it('finds an order of somebody else that was shown to it once and is then hidden', async () => {
    const { client, kinds } = await clientOf(missing, found, found, missing);
    await client.lookFor(order);
    expect(await client.readSeen()).toBe(false);
    await client.lookFor(order);
    expect(await client.readSeen()).toBe(true);
    expect(kinds()).toEqual([]);
    expect(await client.readSeen()).toBe(false);
    expect(kinds()).toEqual(['I7 went back']);
  });

  it('goes on to read all that it was shown by turns, however often it was shown one of them', async () => {
    const turns = [...'ab', ...'bababa'];
    const bodies = turns.map((orderId) => ({ ...stored, orderId }));
    const { client, requests, kinds } = await clientOf(...bodies.map((body) => ({ status: 200, body })));
    for (const orderId of 'ab') await client.lookFor({ ...order, orderId });
    for (let turn = 0; turn < 6; turn += 1) await client.readSeen();
    expect(requests.map(({ url }) => url.at(-1))).toEqual(turns);
    expect(kinds()).toEqual([]);
  });
});
