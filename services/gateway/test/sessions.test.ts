import { sendJson } from '@dbsync/balancing/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { runOf, startWith, stopEverything } from './running-gateway.ts';
import { answers, jar, lastToken } from './session-ground.ts';

afterEach(stopEverything);

describe('a client with cookies', () => {
  it('gets a token in a cookie that scripts cannot read, and sends it with every request', async () => {
    const running = await startWith({ replicas: 1 });
    const client = jar(running.url);
    answers(running, `${runOf(1)}:5`, 201);
    const placed = await client.ask(undefined, { method: 'POST', body: '{}' });
    expect(placed.headers.getSetCookie()).toEqual([
      `dbsync-token=${runOf(1)}:5; Path=/; HttpOnly; SameSite=Lax`,
    ]);
    await client.ask();
    expect(lastToken(running)).toBe(`${runOf(1)}:5`);
    await client.ask('/user-service/users/u');
    expect(running.users.requests[0]?.headers['consistency-token']).toBe(`${runOf(1)}:5`);
  });

  it('keeps what the user-service tells of orders, and less of it when that says that a part is gone', async () => {
    const running = await startWith({ replicas: 1 });
    const client = jar(running.url);
    const says = (status: number, token: string): void => {
      running.users.answer = (_req, res) => sendJson(res, status, {}, { 'Consistency-Token': token });
    };
    says(200, `${runOf(1)}:5,${runOf(2)}:2`);
    expect((await client.ask('/user-service/users/u')).status).toBe(200);
    expect(client.cookie()).toBe(`dbsync-token=${runOf(1)}:5~${runOf(2)}:2`);
    says(410, `${runOf(1)}:5`);
    expect((await client.ask('/user-service/users/u')).status).toBe(410);
    expect(client.cookie()).toBe(`dbsync-token=${runOf(1)}:5`);
    await client.ask();
    expect(running.replicas[0]?.requests.at(-1)?.headers['consistency-token']).toBe(`${runOf(1)}:5`);
  });

  it('keeps the highest of everything that it was told', async () => {
    const running = await startWith({ replicas: 1 });
    const client = jar(running.url);
    for (const token of [`${runOf(1)}:5`, `${runOf(2)}:2`, `${runOf(1)}:3,${runOf(2)}:4`]) {
      answers(running, token);
      await client.ask();
    }
    expect(client.cookie()).toBe(`dbsync-token=${runOf(1)}:5~${runOf(2)}:4`);
  });

  it('that is refused because its key was used sees the order that has the key from then on', async () => {
    const running = await startWith({ replicas: 1 });
    const client = jar(running.url);
    answers(running, `${runOf(1)}:5`, 422);
    const headers = { 'idempotency-key': 'k' };
    expect((await client.ask(undefined, { method: 'POST', body: '{}', headers })).status).toBe(422);
    expect(client.cookie()).toBe(`dbsync-token=${runOf(1)}:5`);
  });

  it('is given no new cookie when nothing new was seen', async () => {
    const running = await startWith({ replicas: 1 });
    const client = jar(running.url);
    answers(running, `${runOf(1)}:5`);
    await client.ask();
    expect((await client.ask()).headers.getSetCookie()).toEqual([]);
  });

  it('with a cookie that is none of ours starts anew', async () => {
    const running = await startWith({ replicas: 1 });
    const headers = { cookie: 'a=b; dbsync-token=nonsense; c=d' };
    const answer = await fetch(`${running.url}/order-service/ada/orders`, { headers });
    expect(answer.status).toBe(200);
    expect(lastToken(running)).toBeUndefined();
  });

  it('is given none where sessions are switched off', async () => {
    const running = await startWith({ replicas: 1, hasSessionCookie: false });
    answers(running, `${runOf(1)}:5`);
    const answer = await fetch(`${running.url}/order-service/ada/orders`, {
      headers: { cookie: `dbsync-token=${runOf(1)}:4` },
    });
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(lastToken(running)).toBeUndefined();
  });
});

describe('a client with tokens', () => {
  it('gets one that includes what it sent, and needs to keep no other', async () => {
    const running = await startWith({ replicas: 1, hasSessionCookie: false });
    answers(running, `${runOf(2)}:2`);
    const answer = await fetch(`${running.url}/order-service/ada/orders`, {
      headers: { 'Consistency-Token': `${runOf(1)}:5` },
    });
    expect(answer.headers.get('consistency-token')).toBe(`${runOf(1)}:5,${runOf(2)}:2`);
  });

  it('is told what is wrong with one that cannot be read', async () => {
    const running = await startWith({ replicas: 1 });
    const answer = await fetch(`${running.url}/order-service/ada/orders`, {
      headers: { 'Consistency-Token': 'x' },
    });
    expect([answer.status, ((await answer.json()) as { type: string }).type]).toEqual([
      400,
      '/problems/malformed-token',
    ]);
  });
});
