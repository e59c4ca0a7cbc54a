import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { judgeTokenRead, SessionReader } from '../../src/load/session-reader.ts';

const order = { productId: 'p', orderId: 'o', userId: 'u', token: 'order-1.x:1', servedBy: 'order-1' };
let server: Server | undefined;

afterEach(() => void server?.close());

/** A reader over one replica that answers each read with the next of these. */
async function reading(...answers: { status: number; body: object }[]): Promise<SessionReader> {
  server = createServer((_, response) => {
    const { status, body } = answers.shift() ?? { status: 500, body: {} };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return new SessionReader({ replicas: () => new Map([['order-2', url]]), every: 1, inFlight: 1 });
}

async function place(reader: SessionReader, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    reader.placed(order);
    await reader.settled();
  }
}

const found = { status: 200, body: { orderId: 'o' } };
const missing = { status: 404, body: {} };

describe('a read with a token', () => {
  it('may show the order or be refused for now', () => {
    expect(judgeTokenRead(order, { status: 200, orderIds: ['x', 'o'] })).toBe('seen');
    expect(judgeTokenRead(order, { status: 503, orderIds: [] })).toBe('refused');
  });

  it('may never be answered without the order, nor in any other way', () => {
    for (const status of [200, 400, 404, 410, 500]) {
      expect(judgeTokenRead(order, { status, orderIds: ['another'] })).toHaveProperty('bad');
    }
  });
});

describe('reads beside a load', () => {
  it('find nothing wrong when everything shown stays shown', async () => {
    const reader = await reading(found, found, found);
    await place(reader, 2);
    expect(reader.bad).toEqual([]);
    expect(reader.counters).toMatchObject({ seen: 2, again: 1 });
  });

  it('find a stale read', async () => {
    const reader = await reading(missing);
    await place(reader, 1);
    expect(reader.bad).toEqual([{ replica: 'order-2', what: expect.stringContaining('without it') }]);
  });

  it('find an order that was shown once and is then hidden', async () => {
    const reader = await reading(found, found, missing);
    await place(reader, 2);
    expect(reader.bad).toEqual([{ replica: 'order-2', what: expect.stringContaining('no more') }]);
  });

  it('hold nothing against a replica whose directory is another one', async () => {
    const reader = await reading(found, found);
    await place(reader, 1);
    reader.forget('order-2');
    await place(reader, 1);
    expect(reader.bad).toEqual([]);
    expect(reader.counters.again).toBe(0);
  });

  it('promise nothing where nobody answers', async () => {
    const reader = new SessionReader({
      replicas: () => new Map([['order-2', 'http://127.0.0.1:1']]),
      every: 1,
      inFlight: 1,
    });
    await place(reader, 1);
    expect([reader.bad, reader.counters.unanswered]).toEqual([[], 1]);
  });
});
