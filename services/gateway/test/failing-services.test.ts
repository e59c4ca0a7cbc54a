import { sendJson } from '@dbsync/balancing/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { place, runOf, startWith, stopEverything } from './running-gateway.ts';

afterEach(stopEverything);

describe('when a replica fails', () => {
  it('a read is answered by another one', async () => {
    const { url, replicas } = await startWith();
    const [replica] = replicas;
    if (replica) replica.answer = (req) => req.socket.destroy();
    for (let n = 0; n < 4; n += 1) {
      expect((await fetch(`${url}/order-service/ada/orders`)).headers.get('x-served-by')).toBe('order-2');
    }
  });

  it('a write without a key is not sent again, and its client is told that the outcome is unknown', async () => {
    const { url, replicas } = await startWith();
    for (const replica of replicas) replica.answer = (req) => req.socket.destroy();
    const answer = await place(url);
    expect([answer.status, ((await answer.json()) as { type: string }).type]).toEqual([
      502,
      '/problems/outcome-unknown',
    ]);
    expect(replicas.flatMap(({ requests }) => requests).length).toBe(1);
  });

  it('a write without a key that is not answered in time is answered with 504', async () => {
    const { url, replicas } = await startWith({ replicas: 1, writeTimeoutMs: 300 });
    const [replica] = replicas;
    if (replica) replica.answer = () => undefined;
    expect((await place(url)).status).toBe(504);
  });

  it('a read with a token gets the time on top in which a replica waits for it', async () => {
    const { url, replicas } = await startWith({ replicas: 1, readTimeoutMs: 100, tokenWaitMs: 5_000 });
    const [replica] = replicas;
    if (replica) replica.answer = (_req, res) => void setTimeout(() => sendJson(res, 200, []), 400);
    const read = (headers: Record<string, string>): Promise<Response> =>
      fetch(`${url}/order-service/ada/orders`, { headers });
    expect((await read({})).status).toBe(503);
    expect((await read({ 'consistency-token': `${runOf(1)}:5` })).status).toBe(200);
  });

  it('a write with a key is sent to another one, whole, and one key goes to one replica otherwise', async () => {
    const { url, replicas } = await startWith();
    for (let n = 0; n < 3; n += 1) await place(url, { 'idempotency-key': 'k-1' });
    const owner = replicas.find(({ requests }) => requests.length > 0);
    const other = replicas.find((replica) => replica !== owner);
    expect([owner?.requests.length, other?.requests.length]).toEqual([3, 0]);
    if (owner) owner.answer = (req) => req.socket.destroy();
    const answer = await place(url, { 'idempotency-key': 'k-1' });
    expect(answer.headers.get('x-served-by')).toBe(other?.replicaId);
    expect(other?.requests[0]).toMatchObject({ body: '{"productId":"tea"}' });
    expect(other?.requests[0]?.headers['idempotency-key']).toBe('k-1');
  });

  it('a read that carries a key is no write: it goes in turns, and to a replica that covers its token', async () => {
    const { url, replicas } = await startWith();
    const read = (headers: Record<string, string> = {}) =>
      fetch(`${url}/order-service/ada/orders`, { headers: { 'idempotency-key': 'k-1', ...headers } });
    for (let n = 0; n < 4; n += 1) await read();
    expect(replicas.map(({ requests }) => requests.length)).toEqual([2, 2]);
    for (let n = 1; n <= 2; n += 1) {
      const answer = await read({ 'consistency-token': `${runOf(n)}:7` });
      expect(answer.headers.get('x-served-by')).toBe(`order-${n}`);
    }
  });

  it('and every other one is away, it says so and when to come again; the user-service is still reached', async () => {
    const { url, replicas, users } = await startWith();
    for (const replica of replicas) await replica.close();
    for (const answer of [await fetch(`${url}/order-service/ada/orders`), await place(url)]) {
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
      expect((await answer.json()) as object).toMatchObject({ type: '/problems/service-away' });
    }
    expect((await fetch(`${url}/user-service/users`)).status).toBe(200);
    await users.close();
    expect((await fetch(`${url}/user-service/users`)).status).toBe(503);
  });
});
