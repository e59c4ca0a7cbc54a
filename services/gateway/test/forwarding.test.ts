import http from 'node:http';
import { sendJson } from '@dbsync/balancing/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { place, rawGet, startWith, stopEverything } from './running-gateway.ts';

afterEach(stopEverything);

describe('a request', () => {
  it('reaches the replicas in turn, with its path and query as they are', async () => {
    const { url, replicas } = await startWith();
    for (let n = 0; n < 4; n += 1) await fetch(`${url}/order-service/ada/orders?limit=5&cursor=a%2Bb`);
    expect(replicas.map(({ requests }) => requests.map(({ path }) => path))).toEqual(
      Array(2).fill(Array(2).fill('/order-service/ada/orders?limit=5&cursor=a%2Bb')),
    );
  });

  it('reaches the user-service without the prefix, with method and body', async () => {
    const { url, users } = await startWith();
    users.answer = (_req, res) => sendJson(res, 201, { userId: 'u' }, { Location: '/user-service/users/u' });
    const answer = await fetch(`${url}/user-service/users?x=1`, { method: 'POST', body: '{"name":"Ada"}' });
    expect([answer.status, answer.headers.get('location')]).toEqual([201, '/user-service/users/u']);
    expect(users.requests[0]).toMatchObject({ method: 'POST', path: '/users?x=1', body: '{"name":"Ada"}' });
  });

  it.each(['/livez', '/readyz', '/metrics', '/metrics/', '/READYZ', '//livez', '/readyz?verbose'])(
    'never reaches %s of the user-service',
    async (path) => {
      const { url, users } = await startWith();
      expect((await fetch(`${url}/user-service${path}`)).status).toBe(404);
      expect(users.requests).toEqual([]);
    },
  );

  it.each(['/replication/status', '/order-service', '/orders', '/', '/user-services/users'])(
    'to %s is answered with 404 and reaches nobody',
    async (path) => {
      const { url, users, replicas } = await startWith();
      const answer = await fetch(`${url}${path}`);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
      expect([...users.requests, ...replicas.flatMap(({ requests }) => requests)]).toEqual([]);
    },
  );

  it('loses headers of one connection and those that a client could lie with', async () => {
    const { url, replicas } = await startWith({ replicas: 1 });
    await rawGet(url, {
      connection: 'close, X-Mine',
      'x-mine': '1',
      te: 'trailers',
      'proxy-authorization': 'Basic x',
      forwarded: 'for=6.6.6.6',
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-host': 'evil',
      'x-real-ip': '6.6.6.6',
      'x-request-id': 'mine',
      'x-served-by': 'me',
      cookie: 'a=b',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'idempotency-key': 'k',
      accept: 'application/json',
    });
    const { headers } = replicas[0]?.requests[0] ?? { headers: {} };
    for (const name of [
      'x-mine',
      'te',
      'proxy-authorization',
      'forwarded',
      'x-real-ip',
      'x-served-by',
      'cookie',
    ])
      expect(headers, name).not.toHaveProperty(name);
    expect(headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': new URL(url).host,
      'x-forwarded-proto': 'http',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'idempotency-key': 'k',
      accept: 'application/json',
      host: new URL(replicas[0]?.url ?? '').host,
    });
  });

  it('gets an id of the gateway, which the service and the client are told', async () => {
    const { url, replicas } = await startWith({ replicas: 1 });
    for (const path of ['/nothing', '/registry']) {
      expect((await fetch(url + path)).headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
    const answer = await fetch(`${url}/order-service/ada/orders`, { headers: { 'x-request-id': 'mine' } });
    const id = answer.headers.get('x-request-id');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(replicas[0]?.requests[0]?.headers['x-request-id']).toBe(id);
  });

  it('with more than 16 KiB is refused, announced or not, and reaches nobody', async () => {
    const { url, replicas } = await startWith({ replicas: 1 });
    expect((await place(url, {}, 'x'.repeat(16 * 1024 + 1))).status).toBe(413);
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(8 * 1024)),
    });
    const streamed = { method: 'POST', body: stream, duplex: 'half' } as RequestInit;
    const answer = await fetch(`${url}/order-service/ada/orders`, streamed).catch(() => undefined);
    // The connection may be closed before the client has read the answer: it is still sending.
    if (answer) expect(answer.status).toBe(413);
    expect(replicas[0]?.requests).toEqual([]);
    expect((await place(url, {}, 'x'.repeat(16 * 1024))).status).toBe(200);
  });

  it('with headers of more than 16 KiB is refused', async () => {
    const { url } = await startWith({ replicas: 1 });
    expect((await rawGet(url, { 'x-long': 'x'.repeat(17 * 1024) })).statusCode).toBe(431);
  });

  it('with two keys is refused, and reaches nobody', async () => {
    const { url, replicas } = await startWith({ replicas: 1 });
    const { hostname, port } = new URL(url);
    const answer = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const path = '/order-service/ada/orders';
      const headers = { 'idempotency-key': ['a', 'b'] };
      http.request({ hostname, port, path, method: 'POST', headers }, resolve).on('error', reject).end();
    });
    answer.resume();
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([400, 'application/problem+json']);
    expect(replicas[0]?.requests).toEqual([]);
  });

  it('is told to come again when too many are under way', async () => {
    const { url, replicas } = await startWith({ replicas: 1, maxRequests: 1 });
    const [replica] = replicas;
    const { promise: asked, resolve } = Promise.withResolvers<() => void>();
    if (replica) replica.answer = (_req, res) => resolve(() => sendJson(res, 200, []));
    const first = fetch(`${url}/order-service/ada/orders`);
    const release = await asked;
    const second = await fetch(`${url}/order-service/ada/orders`);
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '1']);
    release();
    expect((await first).status).toBe(200);
    if (replica) replica.answer = (_req, res) => sendJson(res, 200, []);
    await expect.poll(async () => (await fetch(`${url}/order-service/ada/orders`)).status).toBe(200);
  });
});

describe('an answer', () => {
  it('comes with status, headers and body of the service, without those of its connection', async () => {
    const { url, replicas } = await startWith({ replicas: 1 });
    const [replica] = replicas;
    if (replica) {
      replica.answer = (_req, res) =>
        sendJson(res, 418, { a: 1 }, { 'X-Tea': 'pot', Connection: 'X-Secret', 'X-Secret': '1' });
    }
    const answer = await rawGet(url, {});
    expect([answer.statusCode, answer.headers['x-tea'], answer.headers['x-served-by']]).toEqual([
      418,
      'pot',
      'order-1',
    ]);
    expect(answer.headers).not.toHaveProperty('x-secret');
  });

  it('is handed on while it is still being written when it is large', async () => {
    const { url, replicas } = await startWith({ replicas: 1 });
    const [replica] = replicas;
    const { promise: firstRead, resolve: goOn } = Promise.withResolvers<void>();
    if (replica) {
      replica.answer = async (_req, res) => {
        res.writeHead(200).write('x'.repeat(512 * 1024));
        await firstRead;
        res.end('the end');
      };
    }
    const answer = await fetch(`${url}/order-service/ada/orders`);
    const reader = answer.body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    goOn();
    let text = '';
    for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read())
      text += Buffer.from(piece.value).toString();
    expect(text.endsWith('the end')).toBe(true);
  });

  it('passes as the largest page that a replica can answer', async () => {
    const { url, replicas } = await startWith({ replicas: 1 });
    const [replica] = replicas;
    const long = 'x'.repeat(64);
    const order = {
      orderId: '0'.repeat(36),
      userId: long,
      productId: long,
      quantity: 1_000_000,
      unitPrice: 1_000_000_000,
      totalPrice: 1_000_000_000_000_000,
      createdAt: new Date(0).toISOString(),
      // As JSON writes what it must escape: six characters for one.
      note: '\u0001'.repeat(200),
    };
    const page = Array(500).fill(order);
    if (replica) replica.answer = (_req, res) => sendJson(res, 200, page);
    expect(await (await fetch(`${url}/order-service/ada/orders?limit=500`)).json()).toEqual(page);
  });

  it('that breaks off in its middle breaks off for the client, too', async () => {
    const { url, replicas } = await startWith({ replicas: 1 });
    const [replica] = replicas;
    if (replica) {
      replica.answer = (_req, res) => {
        res.writeHead(200).write('x'.repeat(512 * 1024), () => res.destroy());
      };
    }
    await expect(fetch(`${url}/order-service/ada/orders`).then((answer) => answer.text())).rejects.toThrow();
    if (replica) replica.answer = (_req, res) => sendJson(res, 200, []);
    expect((await fetch(`${url}/order-service/ada/orders`)).status).toBe(200);
  });

  it('that comes to a halt in its middle is cut off in time, and its request counts no more', async () => {
    const { url, replicas } = await startWith({ replicas: 1, streamTimeoutMs: 300, maxRequests: 1 });
    const [replica] = replicas;
    if (replica) replica.answer = (_req, res) => void res.writeHead(200).write('x'.repeat(512 * 1024));
    const answer = await fetch(`${url}/order-service/ada/orders`);
    expect(answer.status).toBe(200);
    await expect(answer.text()).rejects.toThrow();
    if (replica) replica.answer = (_req, res) => sendJson(res, 200, []);
    await expect.poll(async () => (await fetch(`${url}/order-service/ada/orders`)).status).toBe(200);
  });

  it('to HEAD has the headers and no body', async () => {
    const { url, replicas } = await startWith({ replicas: 1 });
    const answer = await fetch(`${url}/order-service/ada/orders`, { method: 'HEAD' });
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([
      200,
      '2',
      '',
    ]);
    expect(replicas[0]?.requests[0]?.method).toBe('HEAD');
  });
});
