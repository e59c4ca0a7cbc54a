import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../src/index.ts';
import { startTestCluster, type TestCluster } from '../testing/index.ts';

const ORDERS = '/order-service/ada/orders';
const KIB = 1024;

let test: TestCluster;
/** Stands where the user-service is, and shows what reaches it. */
let echo: http.Server;
let answer: http.RequestListener;

const tell: http.RequestListener = ({ method, url, headers }, res) => {
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify({ method, url, headers }));
};

beforeAll(async () => {
  answer = tell;
  echo = http.createServer((req, res) => answer(req, res));
  await new Promise<void>((resolve) => {
    echo.listen(0, '127.0.0.1', resolve);
  });
  const { port } = echo.address() as AddressInfo;
  test = await startTestCluster({
    replicas: 3,
    hasFrontEnd: true,
    isRestarting: false,
    serviceEnvironment: { USER_SERVICE_URL: `http://127.0.0.1:${port}`, STOP_GRACE_MS: '100' },
  });
});
afterAll(() => {
  echo.closeAllConnections();
  echo.close();
});

/** Sends headers that fetch would not, and gives the whole answer. */
function send(
  path: string,
  headers: http.OutgoingHttpHeaders,
): Promise<{ status: number | undefined; headers: http.IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = http.get(`${test.gatewayUrl}${path}`, { headers, timeout: 10_000 }, async (res) => {
      let body = '';
      for await (const piece of res.setEncoding('utf8')) body += piece;
      resolve({ status: res.statusCode, headers: res.headers, body });
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in 10 s'))).on('error', reject);
  });
}

const place = (body: object): Promise<Response> =>
  fetch(`${test.gatewayUrl}${ORDERS}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

const known = async (): Promise<string[]> => {
  const { orderReplicas } = (await (await fetch(`${test.gatewayUrl}/registry`)).json()) as {
    orderReplicas: { replicaId: string }[];
  };
  return orderReplicas.map(({ replicaId }) => replicaId).toSorted();
};

describe('the gateway in front of real services', () => {
  it('takes away what a client could lie with, and says who asked by an id of its own', async () => {
    const { headers, body } = await send('/user-service/users?limit=1', {
      connection: 'close, X-Mine',
      'x-mine': '1',
      'x-forwarded-for': '6.6.6.6',
      'x-real-ip': '6.6.6.6',
      'x-request-id': 'mine',
      'x-served-by': 'me',
      te: 'trailers',
      accept: 'application/json',
    });
    const seen = JSON.parse(body) as { method: string; url: string; headers: Record<string, string> };
    expect(seen).toMatchObject({ method: 'GET', url: '/users?limit=1' });
    expect(seen.headers).toMatchObject({
      accept: 'application/json',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(headers['x-request-id']).toBe(seen.headers['x-request-id']);
    for (const name of ['x-mine', 'x-real-ip', 'x-served-by', 'te'])
      expect(seen.headers, name).not.toHaveProperty(name);
  });

  it('refuses what is too large itself, and what it lets in is not refused behind it', async () => {
    expect((await send(ORDERS, { 'x-long': 'x'.repeat(17 * KIB) })).status).toBe(431);
    const order = { productId: 'tea', quantity: 1, unitPrice: 1 };
    const tooLarge = await place({ ...order, note: 'x'.repeat(17 * KIB) });
    expect([tooLarge.status, tooLarge.headers.get('x-served-by')]).toEqual([413, null]);
    const placed = await place(order);
    const token = placed.headers.get('consistency-token') ?? '';
    // The largest that it lets in: to these it adds an id and addresses.
    const ask = (bytes: number) => send(ORDERS, { 'x-long': 'x'.repeat(bytes), 'consistency-token': token });
    let bytes = 16 * KIB;
    let read = await ask(bytes);
    for (; read.status === 431 && read.headers['x-served-by'] === undefined && bytes > 0; bytes -= 16)
      read = await ask(bytes);
    expect([placed.status, read.status]).toEqual([201, 200]);
    expect(JSON.parse(read.body)).toMatchObject([{ productId: 'tea' }]);
  });

  it('hands a large answer on while it is still being made', async () => {
    const { promise: isRead, resolve: goOn } = Promise.withResolvers<void>();
    answer = async (_req, res) => {
      res.write('x'.repeat(512 * KIB));
      await isRead;
      res.end('the end');
    };
    const { body } = await fetch(`${test.gatewayUrl}/user-service/users`);
    let text = '';
    for await (const piece of body ?? []) {
      goOn();
      text = (text + Buffer.from(piece).toString()).slice(-7);
    }
    answer = tell;
    expect(text).toBe('the end');
  });

  it('takes a replica out by its goodbye at once, and one that says nothing after its silence', async () => {
    const seen: string[] = [];
    const until = (what: string, isSo: (names: readonly string[]) => boolean): Promise<unknown> =>
      waitFor({
        what,
        timeoutMs: 30_000,
        intervalMs: 50,
        look: async () => {
          const names = await known();
          if (seen.at(-1) !== `${names}`) seen.push(`${names}`);
          return isSo(names) ? { found: true } : { missing: `${names}` };
        },
      });
    await until('all of them', (names) => names.length === 3);
    test.cluster.service('order-2').kill('SIGKILL');
    const stopping = test.cluster.service('order-3').stop();
    await until('one of them', (names) => `${names}` === 'order-1');
    await stopping;
    // The killed one was silent first, and is believed for longer all the same.
    expect(seen).toEqual(['order-1,order-2,order-3', 'order-1,order-2', 'order-1']);
    expect((await place({ productId: 'milk', quantity: 1, unitPrice: 1 })).status).toBe(201);
  });
});
