import { afterEach, describe, expect, it } from 'vitest';
import { type BalancedAnswer, NoReplicaError, UnansweredError } from '../src/balanced-client.ts';
import type { KnownReplica } from '../src/known-replica.ts';
import { closeBalanced, type FakeReplica, sendJson, startBalanced } from '../testing/index.ts';

afterEach(closeBalanced);

/** Status and kind of a problem. */
type Refusal = readonly [status: number, kind: string];

const refuse =
  ([status, kind]: Refusal): FakeReplica['answer'] =>
  (_req, res) =>
    sendJson(res, status, { type: `/problems/${kind}` });

const refusalOf = ({ status, body }: BalancedAnswer): Refusal => {
  const { type } = JSON.parse(body.toString()) as { type: string };
  return [status, type.replace('/problems/', '')];
};

describe('a read', () => {
  it.each<[string, FakeReplica['answer']]>([
    ['breaks the connection off', (req) => req.socket.destroy()],
    [
      'breaks off in the middle of its answer',
      (_req, res) => {
        res.writeHead(200, { 'Content-Length': 100 }).write('[');
        setImmediate(() => res.destroy());
      },
    ],
    ['answers 500', (_req, res) => sendJson(res, 500, {})],
    ['answers 503', (_req, res) => sendJson(res, 503, {})],
  ])('is tried once more, elsewhere, when a replica %s', async (_what, how) => {
    const { get, answer, asked } = await startBalanced(2);
    answer(1, how);
    expect((await get()).replica.replicaId).toBe('order-2');
    expect(asked()).toEqual([1, 1]);
  });

  it.each<[string, Partial<KnownReplica>]>([
    ['is not ready', { state: 'catching-up' }],
    ['lags too far behind', { lagMs: 1_001 }],
  ])('is tried once more on one that %s when no other is left', async (_what, change) => {
    const { get, answer, asked, changes } = await startBalanced(3);
    changes.set('order-2', change);
    changes.set('order-3', { state: 'stopped' });
    answer(1, (_req, res) => sendJson(res, 500, {}));
    expect((await get()).replica.replicaId).toBe('order-2');
    expect(asked()).toEqual([1, 1, 0]);
  });

  it('is tried once more on one that is leaving when no other is left', async () => {
    const { get, served, answer } = await startBalanced(2);
    answer(2, (_req, res) => sendJson(res, 200, [], { Connection: 'close' }));
    expect(await served(3)).toBe('121');
    answer(1, (_req, res) => sendJson(res, 500, {}));
    expect((await get()).replica.replicaId).toBe('order-2');
  });

  it('is not tried once more on one whose breaker is open', async () => {
    const { get, served, answer, fakes } = await startBalanced(2);
    answer(2, (_req, res) => sendJson(res, 500, {}));
    expect(await served(10)).toBe('1'.repeat(10));
    answer(1, (_req, res) => sendJson(res, 500, {}));
    expect((await get()).status).toBe(500);
    // Without the probes.
    expect(fakes[1]?.requests.filter(({ path }) => path === '/x').length).toBe(5);
  });

  it('is tried elsewhere when there is no answer in time', async () => {
    const { get, answer } = await startBalanced(2);
    answer(1, () => undefined);
    expect((await get({ timeLimitMs: 500 })).replica.replicaId).toBe('order-2');
  });

  it('is tried twice and no more', async () => {
    const { get, answer, asked } = await startBalanced(4);
    for (const n of [1, 2, 3, 4]) answer(n, (req) => req.socket.destroy());
    await expect(get()).rejects.toThrow(UnansweredError);
    expect(asked()).toEqual([1, 1, 0, 0]);
  });

  it('goes past every replica that refuses the connection: that was no try', async () => {
    const { get, fakes } = await startBalanced(4);
    for (const fake of fakes.slice(0, 3)) await fake.close();
    expect((await get()).replica.replicaId).toBe('order-4');
  });

  it('gets the refusal of the last one that answered, where both say as much', async () => {
    const { get, answer } = await startBalanced(2);
    for (const n of [1, 2]) answer(n, (_req, res) => sendJson(res, 503, { n }));
    expect((await get()).body.toString()).toBe('{"n":2}');
  });

  it.each<[string, Refusal, Refusal]>([
    ['why it cannot be answered, not who takes no traffic', [503, 'token-not-covered'], [503, 'not-ready']],
    ['who takes no traffic, not a fault', [503, 'not-ready'], [500, 'internal-error']],
    ['why it cannot be answered, not a fault', [503, 'token-not-covered'], [500, 'internal-error']],
  ])('learns %s, whichever was asked first', async (_what, expected, other) => {
    for (const order of [
      [expected, other],
      [other, expected],
    ]) {
      const { get, answer, asked } = await startBalanced(2);
      for (const [n, refusal] of order.entries()) answer(n + 1, refuse(refusal));
      expect(refusalOf(await get())).toEqual(expected);
      expect(asked()).toEqual([1, 1]);
    }
  });

  it('learns what the other one says when one gives no answer at all', async () => {
    const { get, answer } = await startBalanced(2);
    answer(1, refuse([503, 'not-ready']));
    answer(2, (req) => req.socket.destroy());
    for (let n = 0; n < 2; n += 1) expect(refusalOf(await get())).toEqual([503, 'not-ready']);
  });

  it('is not for anybody when nobody is known', async () => {
    const { get } = await startBalanced(0);
    await expect(get()).rejects.toThrow(NoReplicaError);
  });
});

describe('a write', () => {
  it('without a key is never sent twice, whatever becomes of it', async () => {
    const { post, answer, asked } = await startBalanced(2);
    answer(1, (req) => req.socket.destroy());
    await expect(post({ isRepeatable: false })).rejects.toThrow(UnansweredError);
    answer(2, (_req, res) => sendJson(res, 503, {}));
    expect((await post({ isRepeatable: false })).status).toBe(503);
    expect(asked()).toEqual([1, 1]);
  });

  it('without a key says whether the time was over', async () => {
    const { post, answer } = await startBalanced(1);
    answer(1, () => undefined);
    await expect(post({ isRepeatable: false, timeLimitMs: 300 })).rejects.toMatchObject({ isLate: true });
  });

  it('without a key goes elsewhere when the connection was refused', async () => {
    const { post, fakes } = await startBalanced(2);
    await fakes[0]?.close();
    expect((await post({ isRepeatable: false })).replica.replicaId).toBe('order-2');
  });

  it('with a key is sent again, whole', async () => {
    const { post, answer, fakes } = await startBalanced(2);
    for (const n of [1, 2]) {
      answer(n, (req, res) => {
        const first = fakes.flatMap(({ requests }) => requests).length === 1;
        if (first) req.socket.destroy();
        else sendJson(res, 201, {});
      });
    }
    expect((await post({ isRepeatable: true, affinity: 'k' })).status).toBe(201);
    expect(fakes.flatMap(({ requests }) => requests).map(({ body }) => body)).toEqual(['b', 'b']);
  });
});

describe('a write with a key that nobody takes', () => {
  it.each<[string, Refusal, Refusal]>([
    ['why, not who takes no traffic', [503, 'too-many-unpublished'], [503, 'not-ready']],
    ['why, not who takes no traffic (a full disk)', [507, 'disk-full'], [503, 'stopped']],
    [
      'that it may be stored, not why another one refused it',
      [500, 'outcome-unknown'],
      [503, 'too-many-unpublished'],
    ],
    ['that it may be stored, not who takes no traffic', [500, 'outcome-unknown'], [503, 'not-ready']],
  ])('learns %s, whichever was asked first', async (_what, expected, other) => {
    for (const order of [
      [expected, other],
      [other, expected],
    ]) {
      const { post, answer, asked } = await startBalanced(2);
      for (const [n, refusal] of order.entries()) answer(n + 1, refuse(refusal));
      expect(refusalOf(await post({ isRepeatable: true }))).toEqual(expected);
      expect(asked()).toEqual([1, 1]);
    }
  });

  it('is not said to be refused when one gave no answer: it may be stored there', async () => {
    for (const silent of [1, 2]) {
      const { post, answer, asked } = await startBalanced(2);
      answer(silent, (req) => req.socket.destroy());
      answer(3 - silent, refuse([503, 'too-many-unpublished']));
      await expect(post({ isRepeatable: true })).rejects.toThrow(UnansweredError);
      expect(asked()).toEqual([1, 1]);
    }
  });
});

describe('a large answer', () => {
  it('is handed on as it comes', async () => {
    const { get, answer } = await startBalanced(1);
    const text = 'x'.repeat(1024 * 1024);
    answer(1, (_req, res) => res.end(text));
    const { body } = await get();
    expect(Buffer.isBuffer(body)).toBe(false);
    const chunks: Buffer[] = [];
    for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe(text);
  });
});
