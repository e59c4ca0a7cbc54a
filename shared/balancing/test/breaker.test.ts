import { afterEach, describe, expect, it } from 'vitest';
import { closeBalanced, sendJson, startBalanced } from '../testing/index.ts';

afterEach(closeBalanced);

describe('the breaker of a replica', () => {
  it('opens after five failures in a row, and closes when the replica is ready again', async () => {
    const { served, answer, asked, breakers, fakes, client } = await startBalanced(2);
    answer(1, (_req, res) => sendJson(res, 503, {}));
    expect(await served(10)).toBe('2'.repeat(10));
    expect(breakers).toEqual([false]);
    expect(asked()[0]).toBe(5);
    expect(client.shares()[0]).toMatchObject({ breaker: 'open', isInBalance: false });
    answer(1, (_req, res) => sendJson(res, 200, []));
    await expect.poll(() => breakers, { timeout: 10_000 }).toEqual([false, true]);
    expect(fakes[0]?.requests.at(-1)?.path).toBe('/readyz');
    expect(client.shares()[0]).toMatchObject({ breaker: 'closed', isInBalance: true });
  });

  it('stays closed for answers that are about the request', async () => {
    const { served, answer, breakers } = await startBalanced(1);
    answer(1, (_req, res) => sendJson(res, 404, {}));
    await served(10);
    answer(1, (_req, res) => sendJson(res, 503, { type: '/problems/token-not-covered' }));
    await served(10);
    expect(breakers).toEqual([]);
  });

  it.each([
    'token-not-covered',
    'too-many-unpublished',
    'log-unreachable',
    'version-pending',
    'overloaded',
    'database-busy',
  ])('stays closed for writes that are refused with %s, so that reads are answered', async (kind) => {
    const { get, post, answer, breakers } = await startBalanced(2);
    for (const n of [1, 2]) {
      answer(n, (req, res) => {
        if (req.method === 'POST') sendJson(res, 503, { type: `/problems/${kind}` });
        else sendJson(res, 200, []);
      });
    }
    for (let n = 0; n < 10; n += 1) expect((await post({ isRepeatable: true })).status).toBe(503);
    expect(breakers).toEqual([]);
    expect((await get()).status).toBe(200);
  });

  it('stays closed for requests that found no free connection in time, of which nothing was sent', async () => {
    const { get, answer, breakers } = await startBalanced(1);
    const waiting: Parameters<typeof sendJson>[0][] = [];
    answer(1, (_req, res) => void waiting.push(res));
    const held = Array.from({ length: 256 }, () => get({ timeLimitMs: 30_000 }));
    await expect.poll(() => waiting.length, { timeout: 10_000 }).toBe(256);
    for (let n = 0; n < 6; n += 1) {
      await expect(get({ timeLimitMs: 20 })).rejects.toThrow('no order replica can be reached');
    }
    expect(breakers).toEqual([]);
    for (const res of waiting) sendJson(res, 200, []);
    for (const { status } of await Promise.all(held)) expect(status).toBe(200);
  });

  it('stays closed for the bare head of a refusal, which hides its kind', async () => {
    const { client, answer, breakers } = await startBalanced(1);
    answer(1, (_req, res) => {
      res.writeHead(503, { 'Content-Type': 'application/problem+json', 'Content-Length': 100 }).end();
    });
    const head = { method: 'HEAD', path: '/x', timeLimitMs: 5_000, isRepeatable: true, isWrite: false };
    for (let n = 0; n < 5; n += 1) expect((await client.request(head)).status).toBe(503);
    expect(breakers).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['that the replica is not ready', { type: '/problems/not-ready' }],
    ['that it has stopped', { type: '/problems/stopped' }],
    ['that its database is damaged', { type: '/problems/database-damaged' }],
    ['no more than the status', { type: 'about:blank', title: 'Service Unavailable', status: 503 }],
    ['what is a problem of somebody else', { type: 'https://proxy.example/problems/overloaded' }],
    ['what is no problem', null],
  ])('opens for a 503 that says %s', async (_what, body) => {
    const { post, answer, breakers } = await startBalanced(1);
    answer(1, (_req, res) => sendJson(res, 503, body));
    for (let n = 0; n < 5; n += 1) await post({ isRepeatable: false });
    expect(breakers).toEqual([false]);
  });
});
