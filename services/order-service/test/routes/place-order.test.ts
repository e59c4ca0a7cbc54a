import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectProblem,
  jsonOf,
  type OrderAnswer,
  type ProblemAnswer,
  pens,
  place,
  post,
} from '../order-requests.ts';
import { rawRequest, sendRaw } from '../raw-request.ts';
import { statusOf } from '../replica-status.ts';
import { type RunningReplica, startReplica, stopEverything } from '../running-service.ts';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

let replica: RunningReplica;
let orders: string;

beforeAll(async () => {
  replica = await startReplica({ isIsolated: true });
  orders = `${replica.url}/order-service/ada/orders`;
});
afterAll(stopEverything);

const rows = async (): Promise<number> => (await statusOf(replica.url)).rows;

/** The request must be refused, and nothing may be stored. */
async function expectRefused(answering: Promise<Response>, status: number): Promise<ProblemAnswer> {
  const before = await rows();
  const problem = await expectProblem(await answering, status);
  expect(await rows()).toBe(before);
  return problem;
}

describe('POST /order-service/{userId}/orders', () => {
  it('answers 201 with exactly the order, its location and its token', async () => {
    const before = Date.now();
    const answer = await post(orders, { productId: 'pen', quantity: 3, unitPrice: 250 });
    const order = await jsonOf<OrderAnswer>(answer);
    expect(answer.status).toBe(201);
    expect(order).toEqual({
      orderId: expect.stringMatching(UUID_V7),
      userId: 'ada',
      productId: 'pen',
      quantity: 3,
      unitPrice: 250,
      totalPrice: 750,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const createdAtMs = Date.parse(order.createdAt);
    expect(createdAtMs).toBeGreaterThanOrEqual(before);
    expect(createdAtMs).toBeLessThanOrEqual(Date.now());
    expect(answer.headers.get('Content-Type')).toMatch(/^application\/json/);
    expect(answer.headers.get('X-Served-By')).toBe('order-1');
    const status = await statusOf(replica.url);
    expect(answer.headers.get('Consistency-Token')).toBe(`${status.origin}:${status.rows}`);
    expect(answer.headers.get('Location')).toBe(`/order-service/ada/orders/${order.orderId}`);
  });

  it('gives a location that leads to the same order', async () => {
    const { order, location } = await place(replica.url);
    const found = await fetch(new URL(location, replica.url));
    expect(found.status).toBe(200);
    expect(await found.json()).toEqual(order);
  });

  it('counts tokens up without a hole', async () => {
    const { origin, rows: before } = await statusOf(replica.url);
    const tokens: string[] = [];
    for (let i = 0; i < 5; i += 1) tokens.push((await place(replica.url)).token);
    expect(tokens).toEqual([1, 2, 3, 4, 5].map((n) => `${origin}:${before + n}`));
  });

  it.each([
    ['the smallest quantity', { quantity: 1 }, 250],
    ['the largest quantity', { quantity: 1_000_000 }, 250_000_000],
    ['a price of nothing', { unitPrice: 0 }, 0],
    ['a price of minus nothing', { unitPrice: -0 }, 0],
    ['the largest price', { unitPrice: 1_000_000_000 }, 3_000_000_000],
    ['the largest total', { quantity: 1_000_000, unitPrice: 1_000_000_000 }, 1_000_000_000_000_000],
    ['a product id of 64 characters', { productId: 'p'.repeat(64) }, 750],
    ['a product id of every allowed kind', { productId: 'AZaz09._-' }, 750],
  ])('accepts %s', async (_what, change, total) => {
    const { order, location } = await place(replica.url, { command: { ...pens, ...change } });
    // JSON has no minus nothing.
    const sent = JSON.parse(JSON.stringify({ ...pens, ...change }));
    expect(order).toMatchObject({ ...sent, totalPrice: total });
    expect(await jsonOf(fetch(new URL(location, replica.url)))).toEqual(order);
    const deep = await jsonOf(fetch(`${replica.url}/replication/digest?deep=1`));
    expect(deep).toMatchObject({ problems: [], digest: deep.expected });
  });

  it.each([
    ['quantity', 0],
    ['quantity', 1_000_001],
    ['quantity', -1],
    ['quantity', 1.5],
    ['quantity', '3'],
    ['quantity', null],
    ['quantity', true],
    ['quantity', [3]],
    ['quantity', 2 ** 53 - 1],
    ['unitPrice', -1],
    ['unitPrice', 1_000_000_001],
    ['unitPrice', 0.5],
    ['unitPrice', '250'],
    ['unitPrice', null],
    ['productId', ''],
    ['productId', 'p'.repeat(65)],
    ['productId', 'a b'],
    ['productId', 'a/b'],
    ['productId', 'ä'],
    ['productId', 'pen\n'],
    ['productId', 'pen\u0000'],
    ['productId', '\ud800'],
    ['productId', 7],
    ['productId', null],
    ['productId', { toString: 'pen' }],
  ])('refuses %s of %j and stores nothing', async (field, value) => {
    const problem = await expectRefused(post(orders, { ...pens, [field]: value }), 400);
    expect(problem).toMatchObject({ type: '/problems/invalid-request', title: 'Invalid request' });
    expect(problem.errors).toEqual([{ path: field, message: expect.stringMatching(/^must|^Invalid/) }]);
  });

  it('refuses numbers that JSON writes beyond what a number holds', async () => {
    for (const number of ['1e400', '-1e400']) {
      const text = `{"productId":"pen","quantity":${number},"unitPrice":1}`;
      const problem = await expectRefused(post(orders, text), 400);
      expect(problem.errors).toEqual([{ path: 'quantity', message: expect.any(String) }]);
    }
  });

  it('names every bad field at once', async () => {
    const problem = await expectRefused(post(orders, { productId: '', quantity: 0, unitPrice: -1 }), 400);
    expect(problem.errors?.map(({ path }) => path).sort()).toEqual(['productId', 'quantity', 'unitPrice']);
  });

  it.each(['productId', 'quantity', 'unitPrice'])('refuses an order without %s', async (field) => {
    const problem = await expectRefused(post(orders, { ...pens, [field]: undefined }), 400);
    expect(problem.errors?.map(({ path }) => path)).toEqual([field]);
  });

  it.each(['userId', 'orderId', 'totalPrice', 'createdAt', 'seq', 'Quantity', 'constructor', ''])(
    'refuses the unknown field %j',
    async (field) => {
      const problem = await expectRefused(post(orders, { ...pens, [field]: 'x' }), 400);
      expect(problem.errors).toEqual([{ path: field, message: 'is not known here' }]);
    },
  );

  it('takes a __proto__ key for the unknown field that it is', async () => {
    const hidden = '{"productId":"pen","quantity":3,"unitPrice":250,"__proto__":{"admin":true}}';
    const problem = await expectRefused(post(orders, hidden), 400);
    expect(problem.errors).toEqual([{ path: '__proto__', message: 'is not known here' }]);
    await expectRefused(post(orders, '{"__proto__":{"productId":"pen","quantity":3,"unitPrice":250}}'), 400);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  it.each([
    ['nothing at all', ''],
    ['no JSON', 'quantity=3'],
    ['half of JSON', '{"productId":"pen"'],
    ['a list', '[]'],
    ['a string', '"pen"'],
    ['a number', '3'],
    ['null', 'null'],
    ['two documents', '{}{}'],
  ])('refuses a body that is %s', async (_what, body) => {
    await expectRefused(post(orders, body), 400);
  });

  it('refuses a body that is not UTF-8', async () => {
    const answer = await fetch(orders, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from('7b22ff22', 'hex'),
    });
    await expectProblem(answer, 400);
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json; charset=utf-16',
    'application/jsonp',
    'application/problem+json',
    'json',
    ' ',
  ])('answers 415 to the content type %j', async (type) => {
    await expectRefused(post(orders, pens, { 'Content-Type': type }), 415);
  });

  it('answers 415 to a body without a content type and to a compressed one', async () => {
    const bare = await sendRaw(
      replica.port,
      rawRequest({ method: 'POST', target: '/order-service/ada/orders', body: JSON.stringify(pens) }),
    );
    expect(bare?.status).toBe(415);
    const answer = await post(orders, pens, { 'Content-Encoding': 'gzip' });
    await expectProblem(answer, 415);
  });

  it('takes JSON with a charset of utf-8, however it is written', async () => {
    expect((await post(orders, pens, { 'Content-Type': 'Application/JSON; Charset="UTF-8"' })).status).toBe(
      201,
    );
  });

  it('takes a body of exactly 16 KiB and answers 413 to one byte more', async () => {
    const fill = (size: number): string => {
      const json = JSON.stringify(pens);
      return json + ' '.repeat(size - json.length);
    };
    expect((await post(orders, fill(16_384))).status).toBe(201);
    await expectRefused(post(orders, fill(16_385)), 413);
  });

  it.each([
    ['64 characters', 'u'.repeat(64), 201],
    ['every allowed kind', 'AZaz09._-', 201],
    ['a name that objects have', '__proto__', 201],
    ['65 characters', 'u'.repeat(65), 400],
    ['a space', 'a%20b', 400],
    ['an encoded slash', 'a%2Fb', 400],
    ['a letter of another alphabet', '%C3%A4', 400],
    ['a NUL', 'a%00', 400],
    ['half an escape', 'a%2', 400],
    ['an escape that is no UTF-8', '%FF', 400],
  ])('judges a user id of %s', async (_what, userId, status) => {
    const answer = await post(`${replica.url}/order-service/${userId}/orders`);
    if (status !== 201) return void (await expectProblem(answer, status));
    expect(answer.status).toBe(201);
    const location = answer.headers.get('Location') ?? '';
    expect((await fetch(new URL(location, replica.url))).status).toBe(200);
  });

  it('is at its address only', async () => {
    for (const path of ['/order-service/ada/orders/', '/ada/orders', '/Order-Service/ada/orders', '//']) {
      const answer = await sendRaw(
        replica.port,
        rawRequest({
          method: 'POST',
          target: path,
          headers: ['Content-Type: application/json'],
          body: JSON.stringify(pens),
        }),
      );
      expect([201, 404], `${path} ${answer?.body}`).toContain(answer?.status);
      if (answer?.status === 201) {
        const location = answer.headers.get('location') ?? '';
        expect((await fetch(new URL(location, replica.url))).status).toBe(200);
      } else {
        expect(answer?.headers.get('content-type')).toBe('application/problem+json');
      }
    }
  });
});
