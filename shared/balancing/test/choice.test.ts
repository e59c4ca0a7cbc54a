import { afterEach, describe, expect, it } from 'vitest';
import type { KnownReplica } from '../src/known-replica.ts';
import { closeBalanced, sendJson, startBalanced } from '../testing/index.ts';

afterEach(closeBalanced);

const RUN = '01J00000000000000000000000';
const [one, two] = [`order-1.${RUN}`, `order-2.${RUN}`];

describe('a replica is chosen', () => {
  it('in strict turn', async () => {
    const { served } = await startBalanced(3);
    expect(await served(6)).toBe('123123');
  });

  it.each<[string, Partial<KnownReplica>]>([
    ['is not ready', { state: 'catching-up' }],
    ['is silent', { state: 'silent' }],
    ['is stopped', { state: 'stopped' }],
    ['lags too far behind', { lagMs: 1_001 }],
    ['cannot say how far it lags behind', { lagMs: null }],
  ])('but not one that %s, unless nobody else is left', async (_what, change) => {
    const { served, changes } = await startBalanced(2);
    changes.set('order-1', change);
    expect(await served(3)).toBe('222');
    changes.set('order-2', change);
    expect(await served(4)).toContain('1');
  });

  it('but not one that closes its connections because it stops, until it answers otherwise', async () => {
    const { served, answer, fakes } = await startBalanced(2);
    answer(1, (_req, res) => sendJson(res, 200, [], { Connection: 'close' }));
    expect(await served(5)).toBe('12222');
    answer(1, (_req, res) => sendJson(res, 200, []));
    await expect.poll(() => fakes[0]?.requests.length, { timeout: 5_000 }).toBe(2);
    await expect.poll(() => served(1), { timeout: 5_000 }).toBe('1');
  });

  it('although it closes the connection of a HEAD, as undici has it do', async () => {
    const { client, served } = await startBalanced(2);
    const head = { method: 'HEAD', path: '/x', timeLimitMs: 5_000, isRepeatable: true, isWrite: false };
    for (let n = 0; n < 2; n += 1) expect((await client.request(head)).status).toBe(200);
    expect(client.inBalance()).toHaveLength(2);
    expect(await served(4)).toBe('1212');
  });

  it('and may still answer when it is not known any more: it may only have lost the log', async () => {
    const { post, answer, fakes, client } = await startBalanced(1);
    const asked = Promise.withResolvers<() => void>();
    answer(1, (_req, res) => asked.resolve(() => sendJson(res, 201, {})));
    const placed = post({ isRepeatable: false });
    const finish = await asked.promise;
    const gone = fakes.splice(0);
    const servedIfBack = (): number | undefined => {
      fakes.push(...gone);
      const [share] = client.shares();
      fakes.splice(0);
      return share?.served;
    };
    // Nothing is known of what it was, so its connections were given up, too.
    await expect.poll(servedIfBack, { timeout: 5_000 }).toBe(0);
    finish();
    expect((await placed).status).toBe(201);
  });

  it('that holds what the token names already', async () => {
    const { served, changes } = await startBalanced(3);
    changes.set('order-2', { vector: new Map([[one, 7]]) });
    expect(await served(3, { token: new Map([[one, 7]]) })).toBe('222');
    expect(await served(3, { token: new Map([[one, 8]]) })).not.toBe('222');
  });

  it('that gave out the token itself, published or not', async () => {
    const { served, changes } = await startBalanced(2);
    changes.set('order-2', { origin: two, vector: new Map([[two, 1]]) });
    expect(await served(3, { token: new Map([[two, 9]]) })).toBe('222');
  });

  it('that has shown in an answer that it holds what the token names, until another run speaks', async () => {
    const { served, changes, answer } = await startBalanced(2);
    changes.set('order-1', { origin: one });
    changes.set('order-2', { origin: two });
    answer(2, (_req, res) => sendJson(res, 200, [], { 'Consistency-Token': `${one}:3,${two}:5` }));
    expect(await served(2)).toBe('12');
    expect(await served(2, { token: new Map([[two, 5]]) })).toBe('22');
    const elsewhere = new Map([[`order-9.${RUN}`, 1]]);
    answer(2, (_req, res) => sendJson(res, 200, [], { 'Consistency-Token': `order-9.${RUN}:1` }));
    while ((await served(1)) !== '2');
    expect(await served(3, { token: elsewhere })).toBe('222');
    changes.set('order-2', { origin: 'order-2.01J00000000000000000000001' });
    expect(await served(4, { token: elsewhere })).toContain('1');
  });

  it('that takes writes, for a write', async () => {
    const { post, changes } = await startBalanced(2);
    changes.set('order-1', { isWritable: false });
    for (let n = 0; n < 3; n += 1) {
      expect((await post({ isRepeatable: false })).replica.replicaId).toBe('order-2');
    }
  });

  it('by the key while it is there, and another one is when it is not', async () => {
    const { post, changes } = await startBalanced(3);
    const served = async (key: string) =>
      (await post({ isRepeatable: true, affinity: key })).replica.replicaId;
    const keys = Array.from({ length: 30 }, (_, n) => `key-${n}`);
    const before = await Promise.all(keys.map(served));
    expect(new Set(before).size).toBe(3);
    expect(await Promise.all(keys.map(served))).toEqual(before);
    changes.set('order-2', { state: 'stopped' });
    const after = await Promise.all(keys.map(served));
    for (const [n, name] of before.entries()) {
      if (name !== 'order-2') expect(after[n]).toBe(name);
      else expect(after[n]).not.toBe('order-2');
    }
  });
});
