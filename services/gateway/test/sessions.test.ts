import { sendJson } from '@dbsync/balancing/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { type RunningGateway, runOf, startWith, stopEverything } from './running-gateway.ts';

afterEach(stopEverything);

const ended = (n: number): string => `order-9.01H${String(n).padStart(23, '0')}`;

/** A client with a cookie jar that knows nothing of tokens. */
function jar(url: string) {
  let cookie = '';
  return {
    cookie: () => cookie,
    ask: async (path = '/order-service/ada/orders', init: RequestInit = {}) => {
      const headers = { ...(init.headers as Record<string, string>), ...(cookie === '' ? {} : { cookie }) };
      const answer = await fetch(`${url}${path}`, { ...init, headers });
      for (const set of answer.headers.getSetCookie()) cookie = set.split(';')[0] ?? '';
      return answer;
    },
  };
}

function answers(running: RunningGateway, token: string, status = 200): void {
  for (const replica of running.replicas) {
    replica.answer = (_req, res) =>
      sendJson(res, status, [], token === '' ? {} : { 'Consistency-Token': token });
  }
}

const lastToken = ({ replicas, users }: RunningGateway): string | string[] | undefined =>
  [...replicas, users].flatMap(({ requests }) => requests).at(-1)?.headers['consistency-token'];

/** What every replica announces to hold. */
function everybodyHolds(running: RunningGateway, vector: Record<string, number>): void {
  for (const replica of running.replicas) {
    replica.known = { ...replica.known, vector: new Map(Object.entries(vector)) };
  }
}

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

describe('an entry of a token', () => {
  it('of a living run is never dropped', async () => {
    const running = await startWith();
    const client = jar(running.url);
    everybodyHolds(running, { [runOf(1)]: 9 });
    answers(running, `${runOf(1)}:5`);
    await client.ask();
    await client.ask();
    expect(client.cookie()).toContain(`${runOf(1)}:5`);
  });

  it('of an ended run is dropped when every known replica announces to hold it, and not before', async () => {
    const running = await startWith();
    const client = jar(running.url);
    const [one, two] = running.replicas;
    answers(running, `${ended(1)}:5`);
    if (one && two) {
      one.known = { ...one.known, vector: new Map([[ended(1), 5]]) };
      two.known = { ...two.known, vector: new Map([[ended(1), 4]]) };
    }
    await client.ask();
    expect(client.cookie()).toBe(`dbsync-token=${ended(1)}:5`);
    // Out of balance it may come back, and a gateway that was started anew remembers nothing for the client.
    if (two) two.known = { ...two.known, state: 'catching-up' };
    await client.ask();
    expect(client.cookie()).toBe(`dbsync-token=${ended(1)}:5`);
    everybodyHolds(running, { [ended(1)]: 5 });
    answers(running, `${runOf(1)}:1`);
    await client.ask();
    expect(client.cookie()).toBe(`dbsync-token=${runOf(1)}:1`);
  });

  it('that was dropped is still asked of a replica that comes back without it', async () => {
    const running = await startWith();
    const client = jar(running.url);
    everybodyHolds(running, { [ended(1)]: 5 });
    answers(running, `${ended(1)}:5,${runOf(1)}:1`);
    await client.ask();
    await client.ask();
    expect(client.cookie()).toBe(`dbsync-token=${runOf(1)}:1`);
    expect(lastToken(running)).toBe(`${runOf(1)}:1`);
    const [one] = running.replicas;
    if (one) one.known = { ...one.known, vector: new Map() };
    await client.ask();
    expect(lastToken(running)).toBe(`${runOf(1)}:1,${ended(1)}:5`);
    // A client that has seen nothing can see nothing go back.
    await fetch(`${running.url}/order-service/ada/orders`);
    expect(lastToken(running)).toBeUndefined();
  });

  it('that was dropped is asked of one out of balance that lacks it, to which a second try may go', async () => {
    const running = await startWith();
    const client = jar(running.url);
    const [one, two] = running.replicas;
    if (one === undefined || two === undefined) throw new Error('there are two');
    everybodyHolds(running, { [ended(1)]: 5 });
    answers(running, `${ended(1)}:5,${runOf(1)}:1`);
    await client.ask();
    await client.ask();
    expect(client.cookie()).toBe(`dbsync-token=${runOf(1)}:1`);
    two.known = { ...two.known, state: 'catching-up', vector: new Map() };
    one.answer = (req) => req.socket.destroy();
    expect((await client.ask()).headers.get('x-served-by')).toBe('order-2');
    expect(two.requests.at(-1)?.headers['consistency-token']).toBe(`${runOf(1)}:1,${ended(1)}:5`);
  });

  it('is gone from token and cookie when the replica says that the write is gone', async () => {
    const running = await startWith({ replicas: 1 });
    const client = jar(running.url);
    answers(running, `${ended(1)}:5,${runOf(1)}:1`);
    await client.ask();
    answers(running, `${runOf(1)}:1`, 410);
    expect((await client.ask()).status).toBe(410);
    expect(client.cookie()).toBe(`dbsync-token=${runOf(1)}:1`);
    answers(running, '', 410);
    const gone = await client.ask();
    expect(gone.headers.getSetCookie()).toEqual(['dbsync-token=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0']);
  });

  it('that was dropped is remembered for the others when a write of one client is gone', async () => {
    const running = await startWith({ replicas: 1 });
    const client = jar(running.url);
    everybodyHolds(running, { [ended(1)]: 5 });
    answers(running, `${ended(1)}:5,${runOf(1)}:1`);
    await client.ask();
    await client.ask();
    expect(client.cookie()).toBe(`dbsync-token=${runOf(1)}:1`);
    // Of another run, and more of this one than there ever was.
    for (const lost of [`${ended(2)}:1`, `${ended(1)}:9`]) {
      answers(running, '', 410);
      const headers = { 'Consistency-Token': lost };
      expect((await fetch(`${running.url}/order-service/ada/orders`, { headers })).status).toBe(410);
    }
    answers(running, `${runOf(1)}:1`);
    everybodyHolds(running, {});
    await client.ask();
    expect(lastToken(running)).toBe(`${runOf(1)}:1,${ended(1)}:5`);
  });

  it('that was dropped is asked for no more once a replica says that it is gone', async () => {
    const running = await startWith({ replicas: 1 });
    const client = jar(running.url);
    everybodyHolds(running, { [ended(1)]: 5 });
    answers(running, `${ended(1)}:5,${runOf(1)}:1`);
    await client.ask();
    await client.ask();
    everybodyHolds(running, {});
    answers(running, `${runOf(1)}:1`, 410);
    expect((await client.ask()).status).toBe(410);
    expect(lastToken(running)).toBe(`${runOf(1)}:1,${ended(1)}:5`);
    answers(running, `${runOf(1)}:1`);
    await client.ask();
    expect(lastToken(running)).toBe(`${runOf(1)}:1`);
  });

  it('beyond the fortieth is remembered by the gateway instead of by the client, and still asked for', async () => {
    const running = await startWith();
    const client = jar(running.url);
    const all = Array.from({ length: 50 }, (_, n) => `${ended(n)}:1`);
    const [one] = running.replicas;
    if (one) one.known = { ...one.known, vector: new Map(all.map((_, n) => [ended(n), 1])) };
    for (const token of [all.slice(0, 25).join(), all.slice(25).join()]) {
      answers(running, token);
      await client.ask();
    }
    expect(client.cookie().split('~').length).toBe(40);
    expect(client.cookie().length).toBeLessThan(4_096);
    await client.ask();
    expect(String(lastToken(running)).split(',').sort()).toEqual(all.sort());
  });

  it('beyond the fortieth is not remembered on the word of a client alone: others would wait for it', async () => {
    const running = await startWith({ replicas: 1 });
    const headers = { 'Consistency-Token': Array.from({ length: 60 }, (_, n) => `${ended(n)}:1`).join() };
    expect((await fetch(`${running.url}/order-service/ada/orders`, { headers })).status).toBe(200);
    answers(running, `${runOf(1)}:1`);
    const client = jar(running.url);
    await client.ask();
    await client.ask();
    expect(lastToken(running)).toBe(`${runOf(1)}:1`);
  });

  it('is one of 64 at most that are sent, the longest in less than half of the headers that a replica takes', async () => {
    const running = await startWith({ replicas: 1 });
    const long = (n: number): string =>
      `${'r'.repeat(64)}.01H${String(n).padStart(23, '0')}:${'9'.repeat(15)}`;
    const all = Array.from({ length: 90 }, (_, n) => long(n));
    const headers = {
      'Consistency-Token': all.slice(0, 55).join(),
      cookie: `dbsync-token=${all.slice(55).join('~')}`,
    };
    expect((await fetch(`${running.url}/order-service/ada/orders`, { headers })).status).toBe(200);
    const sent = String(lastToken(running));
    expect(sent.split(',').sort()).toEqual(all.slice(-64).sort());
    expect(sent.length).toBeLessThan(8 * 1024);
  });

  it('chooses a replica that holds it before one has to wait', async () => {
    const running = await startWith();
    const [, two] = running.replicas;
    if (two) two.known = { ...two.known, vector: new Map([[ended(1), 5]]) };
    for (let n = 0; n < 3; n += 1) {
      const answer = await fetch(`${running.url}/order-service/ada/orders`, {
        headers: { 'Consistency-Token': `${ended(1)}:5` },
      });
      expect(answer.headers.get('x-served-by')).toBe('order-2');
    }
  });
});
