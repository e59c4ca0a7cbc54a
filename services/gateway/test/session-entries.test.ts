import { afterEach, describe, expect, it } from 'vitest';
import { runOf, startWith, stopEverything } from './running-gateway.ts';
import { answers, everybodyHolds, jar, lastToken } from './session-ground.ts';

afterEach(stopEverything);

const ended = (n: number): string => `order-9.01H${String(n).padStart(23, '0')}`;

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
