import { readFileSync } from 'node:fs';
import { sendJson } from '@dbsync/balancing/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { orderOf } from '../order-of-user.ts';
import { ada, post, register, startService, stopEverything } from '../running-service.ts';

afterEach(stopEverything);

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('POST /user-service/users', () => {
  it('answers 201 with the user, without orders or password, and its location', async () => {
    const { url } = await startService();
    const answer = await post(`${url}/user-service/users`, ada);
    expect(answer.status).toBe(201);
    const body = (await answer.json()) as { userId: string };
    expect(body).toEqual({
      userId: expect.stringMatching(UUID_V7),
      email: ada.email,
      name: ada.name,
      orders: [],
    });
    expect(answer.headers.get('location')).toBe(`/user-service/users/${body.userId}`);
    expect(answer.headers.get('x-served-by')).toBe('user-service');
    expect((await fetch(url + answer.headers.get('location'))).status).toBe(200);
  });

  it('works without the prefix, too', async () => {
    const { url } = await startService();
    expect((await post(`${url}/users`, ada)).status).toBe(201);
  });

  it('answers 409 where the email is taken, whatever its case, and also in a race', async () => {
    const { url } = await startService();
    const answers = await Promise.all([1, 2, 3].map(() => post(`${url}/users`, ada)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    const answer = await post(`${url}/users`, { ...ada, email: 'ADA@Example.com' });
    expect(answer.status).toBe(409);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({
      status: 409,
      instance: '/users',
      errors: [{ path: 'email' }],
    });
  });

  it.each<[string, unknown, string[]]>([
    ['everything missing', {}, ['email', 'name', 'password']],
    ['an email that is none', { ...ada, email: 'ada' }, ['email']],
    ['an email that is too long', { ...ada, email: `${'a'.repeat(250)}@b.co` }, ['email']],
    ['a name of one letter', { ...ada, name: ' A ' }, ['name']],
    ['a name with a control character', { ...ada, name: 'A\u0000da' }, ['name']],
    ['half a character', { ...ada, name: 'Ada \ud800' }, ['name']],
    ['a short password', { ...ada, password: '1234567' }, ['password']],
    ['numbers for text', { ...ada, name: 12, password: 12345678 }, ['name', 'password']],
    ['an unknown field', { ...ada, isAdmin: true }, ['isAdmin']],
    [
      'a key that aims at prototypes',
      '{"email":"a@b.co","name":"Ada","password":"12345678","__proto__":{}}',
      ['__proto__'],
    ],
  ])('answers %s with 400 and what is wrong', async (_story, body, paths) => {
    const { url } = await startService();
    const answer = await post(`${url}/users`, body);
    expect(answer.status).toBe(400);
    const problem = (await answer.json()) as { errors: { path: string; message: string }[] };
    expect([...new Set(problem.errors.map(({ path }) => path))].sort()).toEqual(paths);
    expect(JSON.stringify(problem)).not.toContain('12345678');
  });

  it('answers bad JSON with 400, another type with 415, too much with 413', async () => {
    const { url } = await startService();
    expect((await post(`${url}/users`, '{')).status).toBe(400);
    expect((await post(`${url}/users`, ada, { 'Content-Type': 'text/plain' })).status).toBe(415);
    expect((await post(`${url}/users`, { ...ada, name: 'x'.repeat(20_000) })).status).toBe(413);
  });

  it('refuses an Idempotency-Key instead of ignoring it', async () => {
    const { url } = await startService();
    expect((await post(`${url}/users`, ada, { 'Idempotency-Key': 'k' })).status).toBe(400);
    expect(await (await fetch(`${url}/users`)).json()).toEqual([]);
  });

  it('keeps the password as an argon2id hash only, and out of answers and logs', async () => {
    const { service, url, logLines, databaseFile } = await startService();
    await register(url);
    await post(`${url}/users`, ada);
    const shown = await (await fetch(`${url}/users`)).text();
    await service.stop();
    const stored = readFileSync(databaseFile, 'latin1');
    expect(stored).toContain('$argon2id$v=19$m=19456,t=2,p=1$');
    expect(stored).not.toContain(ada.password);
    expect(shown + logLines.join()).not.toMatch(/argon2id|difference engine/);
  });
});

describe('GET /user-service/users', () => {
  it('lists users without orders, page by page, in the order of registration', async () => {
    const { url, replicas } = await startService();
    const ids: string[] = [];
    for (let n = 1; n <= 5; n++) ids.push(await register(url, { email: `u${n}@example.com` }));
    const seen: string[] = [];
    let path: string | undefined = '/user-service/users?limit=2';
    let pages = 0;
    while (path !== undefined && pages < 10) {
      const answer: Response = await fetch(url + path);
      const users = (await answer.json()) as { userId: string }[];
      for (const user of users) expect(Object.keys(user)).toEqual(['userId', 'email', 'name']);
      seen.push(...users.map(({ userId }) => userId));
      path = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
      pages += 1;
    }
    expect(pages).toBe(3);
    expect(seen).toEqual(ids);
    expect(replicas[0]?.requests).toEqual([]);
  });

  it('refuses a limit out of bounds, a forged cursor and unknown names', async () => {
    const { url } = await startService();
    for (const query of ['limit=0', 'limit=501', 'cursor=forged', 'offset=1', 'limit=1&limit=2']) {
      const answer = await fetch(`${url}/users?${query}`);
      expect(answer.status, query).toBe(400);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
  });
});

describe('GET /user-service/users/{userId}', () => {
  it('shows the user with the orders of the replicas in strict turn', async () => {
    const { url, replicas } = await startService({ replicas: 2 });
    const userId = await register(url);
    for (const replica of replicas) {
      replica.answer = (_req, res) => sendJson(res, 200, [orderOf(userId, replica.replicaId)]);
    }
    const seen: (string | null)[] = [];
    for (let call = 0; call < 6; call++) {
      const answer = await fetch(`${url}/user-service/users/${userId}`);
      const servedBy = answer.headers.get('x-orders-served-by');
      expect(await answer.json()).toEqual({
        userId,
        email: ada.email,
        name: ada.name,
        orders: [orderOf(userId, servedBy ?? 'nobody')],
        ordersNext: null,
      });
      seen.push(servedBy);
    }
    const [a, b] = replicas.map(({ replicaId }) => replicaId);
    expect(seen).toEqual([a, b, a, b, a, b]);
  });

  it('skips a dead replica', async () => {
    const { url, replicas } = await startService({ replicas: 2 });
    const userId = await register(url);
    await replicas[0]?.close();
    for (let call = 0; call < 3; call++) {
      const answer = await fetch(`${url}/users/${userId}`);
      expect(answer.headers.get('x-orders-served-by')).toBe(replicas[1]?.replicaId);
      expect(await answer.json()).not.toHaveProperty('ordersUnavailable');
    }
  });

  it('answers 200 without orders and says so when no replica answers', async () => {
    const { url, replicas } = await startService({ replicas: 2 });
    const userId = await register(url);
    for (const replica of replicas) await replica.close();
    const answer = await fetch(`${url}/users/${userId}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-orders-served-by')).toBeNull();
    expect(await answer.json()).toEqual({
      userId,
      email: ada.email,
      name: ada.name,
      orders: [],
      ordersNext: null,
      ordersUnavailable: true,
    });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it('hands on the path of the rest', async () => {
    const { url, replicas } = await startService();
    const userId = await register(url);
    const next = `/order-service/${userId}/orders?limit=100&cursor=abc`;
    for (const replica of replicas) {
      replica.answer = (_req, res) =>
        sendJson(res, 200, [orderOf(userId)], { Link: `<${next}>; rel="next"` });
    }
    expect(await (await fetch(`${url}/users/${userId}`)).json()).toMatchObject({ ordersNext: next });
  });

  it('passes on where the client is in its trace', async () => {
    const { url, replicas } = await startService();
    const userId = await register(url);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await fetch(`${url}/users/${userId}`, { headers: { traceparent } });
    expect(replicas[0]?.requests.at(-1)?.headers).toMatchObject({ traceparent });
  });

  it('passes the token on, and what the replica says against it back', async () => {
    const { url, replicas } = await startService();
    const userId = await register(url);
    const [replica] = replicas;
    const ask = () =>
      fetch(`${url}/users/${userId}`, { headers: { 'Consistency-Token': 'order-1.01ABC:7' } });
    const token = { 'Consistency-Token': 'order-1.01ABC:8' };
    if (replica !== undefined) replica.answer = (_req, res) => sendJson(res, 200, [], token);
    const read = await ask();
    expect([read.status, read.headers.get('consistency-token')]).toEqual([200, 'order-1.01ABC:8']);
    expect(replica?.requests.at(-1)?.headers['consistency-token']).toBe('order-1.01ABC:7');

    for (const [status, retryAfter] of [
      [400, null],
      [410, null],
      [503, '2'],
    ] as const) {
      const headers: Record<string, string> = {
        ...token,
        ...(retryAfter === null ? {} : { 'Retry-After': retryAfter }),
      };
      const said = { type: '/problems/token', title: 'Token', detail: `Says ${status}.` };
      if (replica !== undefined) replica.answer = (_req, res) => sendJson(res, status, said, headers);
      const answer = await ask();
      expect(answer.status).toBe(status);
      expect(answer.headers.get('retry-after')).toBe(retryAfter);
      expect(answer.headers.get('x-orders-served-by')).toBe('order-1');
      expect(answer.headers.get('consistency-token')).toBe('order-1.01ABC:8');
      expect(await answer.json()).toEqual({ ...said, status, instance: `/users/${userId}` });
    }
  });

  it('refuses a token that is longer than a replica would take', async () => {
    const { url } = await startService();
    const userId = await register(url);
    const headers = { 'Consistency-Token': 'x'.repeat(8_193) };
    expect((await fetch(`${url}/users/${userId}`, { headers })).status).toBe(400);
  });

  it('answers 404 for a user that is not there and 400 for what is no user id', async () => {
    const { url, replicas } = await startService();
    expect((await fetch(`${url}/users/nobody`)).status).toBe(404);
    expect((await fetch(`${url}/user-service/users/${'x'.repeat(65)}`)).status).toBe(400);
    expect((await fetch(`${url}/users/a%20b`)).status).toBe(400);
    expect((await fetch(`${url}/users/%zz`)).status).toBe(400);
    expect(replicas[0]?.requests).toEqual([]);
  });
});

describe('the rest of the paths', () => {
  it('answer other methods with 405 and Allow', async () => {
    const { url } = await startService();
    const list = await fetch(`${url}/user-service/users`, { method: 'DELETE' });
    expect([list.status, list.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST, OPTIONS']);
    const one = await fetch(`${url}/user-service/users/u-1`, { method: 'PUT' });
    expect([one.status, one.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });

  it('have no login yet', async () => {
    const { url } = await startService();
    for (const path of ['/user-service/login', '/login']) {
      const answer = await post(url + path, { email: ada.email, password: ada.password });
      expect(answer.status).toBe(404);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
  });

  it('tell the port in the health check', async () => {
    const { url, service } = await startService();
    for (const path of ['/user-service/health-check', '/health-check']) {
      const answer = await fetch(url + path);
      expect(await answer.text()).toBe(`It's working in user service on port: ${service.port}`);
      expect(answer.headers.get('x-served-by')).toBe('user-service');
    }
  });
});
