import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, list, place, post } from '../order-requests.ts';
import { rawRequest, sendRaw } from '../raw-request.ts';
import { type RunningReplica, startReplica, stopEverything } from '../running-service.ts';

let replica: RunningReplica;

beforeAll(async () => {
  replica = await startReplica({ isIsolated: true });
});
afterAll(stopEverything);

const get = (path: string): Promise<Response> => fetch(`${replica.url}${path}`);

describe('GET /order-service/{userId}/orders/{orderId}', () => {
  it('answers 404 to an order that does not exist', async () => {
    const problem = await expectProblem(await get('/order-service/ada/orders/none'), 404);
    expect(problem.detail).toBe('User ada has no order none.');
  });

  it("answers 404 to another user's order, as if it did not exist", async () => {
    const { order } = await place(replica.url, { userId: 'ada' });
    const problem = await expectProblem(await get(`/order-service/bob/orders/${order.orderId}`), 404);
    expect(problem.detail).toBe(`User bob has no order ${order.orderId}.`);
  });

  it.each([
    ['/order-service/ada/orders/a%20b', 400],
    [`/order-service/ada/orders/${'o'.repeat(65)}`, 400],
    ["/order-service/ada/orders/x'--", 400],
    ['/order-service/ada/orders/%', 400],
    ['/order-service/a%20b/orders/x', 400],
  ])('answers %s with %d', async (path, status) => {
    await expectProblem(await get(path), status);
  });
});

describe('GET /order-service/{userId}/orders', () => {
  it('is an empty list for a user who never ordered', async () => {
    expect(await list(replica.url, { userId: 'nobody' })).toEqual({ orders: [], next: undefined });
  });

  it("holds the user's own orders only", async () => {
    const { order: first } = await place(replica.url, { userId: 'eve' });
    await place(replica.url, { userId: 'bob' });
    await place(replica.url, { userId: 'Eve' });
    const { order: second } = await place(replica.url, { userId: 'eve' });
    expect((await list(replica.url, { userId: 'eve' })).orders).toEqual([first, second]);
  });

  it('does not take a pattern for a user id', async () => {
    await place(replica.url, { userId: 'ada' });
    for (const userId of ['a_a', '_', 'ad.', '...']) {
      expect((await list(replica.url, { userId })).orders).toEqual([]);
    }
  });
});

describe('every address', () => {
  it.each([
    '/',
    '/orders',
    '/order-service',
    '/order-service/ada',
    '/order-service/ada/orders/x/y',
    '/favicon.ico',
  ])('that is unknown (%s) answers 404', async (path) => {
    const problem = await expectProblem(await get(path), 404);
    expect(problem.detail).toBe('There is nothing at this address.');
  });

  it.each([
    ['/order-service/ada/orders', 'GET, HEAD, POST, OPTIONS', ['PUT', 'PATCH', 'DELETE']],
    ['/order-service/ada/orders/x', 'GET, HEAD, OPTIONS', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/order-service/health-check', 'GET, HEAD, OPTIONS', ['POST', 'DELETE']],
    ['/livez', 'GET, HEAD, OPTIONS', ['POST']],
    ['/readyz', 'GET, HEAD, OPTIONS', ['POST']],
    ['/metrics', 'GET, HEAD, OPTIONS', ['POST']],
    ['/replication/status', 'GET, HEAD, OPTIONS', ['POST', 'PUT', 'DELETE']],
    ['/replication/vector', 'GET, HEAD, OPTIONS', ['POST']],
    ['/replication/logged', 'GET, HEAD, OPTIONS', ['POST']],
    ['/replication/changes', 'GET, HEAD, OPTIONS', ['POST']],
    ['/replication/digest', 'GET, HEAD, OPTIONS', ['POST']],
  ])('%s allows %s and answers 405 to the rest', async (path, allowed, others) => {
    for (const method of others) {
      const answer = await fetch(`${replica.url}${path}`, { method });
      expect(answer.headers.get('Allow')?.split(', ').sort()).toEqual(allowed.split(', ').sort());
      await expectProblem(answer, 405);
    }
    const options = await fetch(`${replica.url}${path}`, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('Allow')?.split(', ').sort()]).toEqual([
      204,
      allowed.split(', ').sort(),
    ]);
  });

  it('says who served it, whatever the answer is', async () => {
    const { order } = await place(replica.url);
    const paths = [
      `/order-service/ada/orders/${order.orderId}`,
      '/order-service/ada/orders',
      '/order-service/ada/orders?limit=x',
      '/order-service/health-check',
      '/livez',
      '/readyz',
      '/metrics',
      '/replication/status',
      '/replication/vector',
      '/replication/digest',
      '/replication/changes',
      '/none',
    ];
    for (const path of paths) {
      expect((await get(path)).headers.get('X-Served-By'), path).toBe('order-1');
    }
    const refused = await post(`${replica.url}/order-service/ada/orders`, '{');
    expect(refused.headers.get('X-Served-By')).toBe('order-1');
    for (const bytes of [
      'NONSENSE\r\n\r\n',
      rawRequest({ target: '/', headers: [`X: ${'x'.repeat(20_000)}`] }),
    ]) {
      const answer = await sendRaw(replica.port, bytes);
      expect(answer?.headers.get('x-served-by'), answer?.body).toBe('order-1');
      expect(answer?.headers.get('content-type')).toBe('application/problem+json');
    }
  });

  it('answers a request without Host with a problem, and ignores expectations that it does not know', async () => {
    const bare = await sendRaw(replica.port, 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n');
    expect([bare?.status, bare?.headers.get('x-served-by')]).toEqual([400, 'order-1']);
    expect(JSON.parse(bare?.body ?? '')).toMatchObject({
      status: 400,
      detail: 'The Host header is missing.',
    });
    const old = await sendRaw(replica.port, 'GET /livez HTTP/1.0\r\n\r\n');
    expect(old?.status).toBe(200);
    const expecting = await sendRaw(
      replica.port,
      rawRequest({ target: '/livez', headers: ['Expect: wonders'] }),
    );
    expect([expecting?.status, expecting?.headers.get('x-served-by')]).toEqual([200, 'order-1']);
  });

  it('answers HEAD as GET, without the body', async () => {
    await place(replica.url);
    const answer = await fetch(`${replica.url}/order-service/ada/orders`, { method: 'HEAD' });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });
});

describe('GET /order-service/health-check', () => {
  it('says in the words of the original on which port it works', async () => {
    const answer = await get('/order-service/health-check');
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe(`It's working in order service on port: ${replica.port}`);
  });
});
