import { BalancedClient } from '@dbsync/balancing';
import {
  closeFakes,
  discoveryOf,
  type FakeReplica,
  knownReplica,
  sendJson,
  startFakeReplica,
} from '@dbsync/balancing/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { BalancedOrders } from '../../src/orders/balanced-orders.ts';
import { orderOf } from '../order-of-user.ts';

const clients: BalancedClient[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.stop()));
  await closeFakes();
});

async function replicas(count: number, timeoutMs = 5_000) {
  const fakes: FakeReplica[] = [];
  for (let n = 1; n <= count; n++) fakes.push(await startFakeReplica(`order-${n}`));
  const passedOver: { replicaId: string; reason: string }[] = [];
  const breakers: boolean[] = [];
  const client = new BalancedClient({
    discovery: discoveryOf(() => fakes.map((fake) => knownReplica(fake))),
    maxLagMs: 10_000,
    observer: {
      passedOver: ({ replicaId }, reason) => void passedOver.push({ replicaId, reason }),
      breakerChanged: (_, isClosed) => void breakers.push(isClosed),
    },
  });
  clients.push(client);
  const source = new BalancedOrders({ client, timeoutMs, tokenWaitMs: 2000 });
  const read = (consistencyToken?: string) => source.read({ userId: 'u-1', consistencyToken });
  const readTraced = (traceParent: string) =>
    source.read({ userId: 'u-1', consistencyToken: undefined, traceParent });
  const servedBy = async () => (await read())?.servedBy;
  const [first, second, third] = fakes;
  return { fakes, first, second, third, read, readTraced, servedBy, passedOver, breakers };
}

describe('taking turns', () => {
  it('alternates strictly, in the order of the replica ids', async () => {
    const { servedBy } = await replicas(2);
    const order = [];
    for (let call = 0; call < 6; call++) order.push(await servedBy());
    expect(order).toEqual(['order-1', 'order-2', 'order-1', 'order-2', 'order-1', 'order-2']);
  });

  it('asks for the first hundred orders of the user', async () => {
    const { first, read } = await replicas(1);
    await read();
    expect(first?.requests.map(({ path, headers }) => [path, headers['consistency-token']])).toEqual([
      ['/order-service/u-1/orders?limit=100', undefined],
    ]);
  });

  it('hands on where the client is in its trace, when that has the form of the standard', async () => {
    const { first, readTraced } = await replicas(1);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await readTraced(traceparent);
    await readTraced(`${traceparent}, ${traceparent}`);
    expect(first?.requests.map(({ headers }) => headers.traceparent)).toEqual([traceparent, undefined]);
  });

  it('is undefined when there are no replicas', async () => {
    const { read } = await replicas(0);
    expect(await read()).toBeUndefined();
  });

  it('takes in a replica that joins', async () => {
    const { fakes, servedBy } = await replicas(1);
    expect(await servedBy()).toBe('order-1');
    fakes.push(await startFakeReplica('order-2'));
    expect([await servedBy(), await servedBy()].sort()).toEqual(['order-1', 'order-2']);
  });
});

describe('a replica that does not answer', () => {
  it.each<[string, (fake: FakeReplica) => unknown]>([
    ['refuses the connection', (fake) => fake.close()],
    [
      'answers 503',
      (fake) => {
        fake.answer = (_req, res) => sendJson(res, 503, {});
      },
    ],
    [
      'answers 404, as another program would',
      (fake) => {
        fake.answer = (_req, res) => sendJson(res, 404, {});
      },
    ],
    [
      'redirects',
      (fake) => {
        fake.answer = (_req, res) => sendJson(res, 302, {}, { Location: '/livez' });
      },
    ],
    [
      'breaks the connection off',
      (fake) => {
        fake.answer = (req) => req.socket.destroy();
      },
    ],
    [
      'answers what is not JSON',
      (fake) => {
        fake.answer = (_req, res) => res.end('<html>');
      },
    ],
    [
      'answers what are not orders',
      (fake) => {
        fake.answer = (_req, res) => sendJson(res, 200, [{ orderId: 5 }]);
      },
    ],
    [
      'answers orders of somebody else',
      (fake) => {
        fake.answer = (_req, res) => sendJson(res, 200, [orderOf('u-2')]);
      },
    ],
    [
      'answers without end',
      (fake) => {
        fake.answer = (_req, res) => res.end(`[${' '.repeat(600 * 1024)}]`);
      },
    ],
    [
      'leads elsewhere',
      (fake) => {
        fake.answer = (_req, res) => sendJson(res, 200, [], { Link: '<//evil/x>; rel="next"' });
      },
    ],
  ])('because it %s is passed over for the next', async (_story, spoil) => {
    const { first, servedBy, passedOver } = await replicas(2);
    if (first !== undefined) await spoil(first);
    expect(await servedBy()).toBe('order-2');
    expect(passedOver).toEqual([{ replicaId: 'order-1', reason: expect.any(String) }]);
  });

  it('in time is passed over for the next', async () => {
    const { first, servedBy, passedOver } = await replicas(2, 400);
    if (first !== undefined) first.answer = () => undefined;
    expect(await servedBy()).toBe('order-2');
    expect(passedOver[0]?.reason).toMatch(/no answer within 400 ms/);
  });

  it('with a whole body in time is passed over for the next', async () => {
    const { first, servedBy } = await replicas(2, 400);
    if (first !== undefined) first.answer = (_req, res) => void res.writeHead(200).write('[');
    expect(await servedBy()).toBe('order-2');
  });

  it('is asked once a call', async () => {
    const { first, second, read } = await replicas(2);
    for (const fake of [first, second]) {
      if (fake !== undefined) fake.answer = (_req, res) => sendJson(res, 500, {});
    }
    expect(await read()).toBeUndefined();
    expect([first?.requests.length, second?.requests.length]).toEqual([1, 1]);
  });
});

describe('the breaker of a replica', () => {
  it.each([
    [503, 'overloaded'],
    [503, 'database-busy'],
    [400, 'malformed-token'],
  ])('stays closed for reads that it refuses with %i %s', async (status, kind) => {
    const { first, read, servedBy, breakers } = await replicas(1);
    if (first !== undefined)
      first.answer = (_req, res) => sendJson(res, status, { type: `/problems/${kind}` });
    for (let n = 0; n < 10; n++) expect(await read()).toBeUndefined();
    expect(breakers).toEqual([]);
    if (first !== undefined) first.answer = (_req, res) => sendJson(res, 200, []);
    expect(await servedBy()).toBe('order-1');
  });

  it.each<[string, FakeReplica['answer']]>([
    ['that it is not ready', (_req, res) => sendJson(res, 503, { type: '/problems/not-ready' })],
    ['that the outcome is unknown', (_req, res) => sendJson(res, 500, { type: '/problems/outcome-unknown' })],
    ['what no replica would say', (_req, res) => sendJson(res, 404, {})],
    ['what are not orders', (_req, res) => sendJson(res, 200, {})],
  ])('opens for one that says %s', async (_story, answer) => {
    const { first, read, breakers } = await replicas(1);
    if (first !== undefined) first.answer = answer;
    for (let n = 0; n < 5; n++) expect(await read()).toBeUndefined();
    expect(breakers).toEqual([false]);
  });
});

describe('the answer', () => {
  it('has the orders, the path of the rest, who served them and their token', async () => {
    const { first, read } = await replicas(1);
    const next = '/order-service/u-1/orders?limit=100&cursor=abc';
    if (first !== undefined) {
      first.answer = (_req, res) =>
        sendJson(
          res,
          200,
          [{ ...orderOf('u-1'), note: 'ring twice', unknownField: 1 }, orderOf('u-1', 'o-2')],
          {
            Link: `<${next}>; rel="next"`,
            'Consistency-Token': 'order-1.01ABC:7',
          },
        );
    }
    expect(await read()).toEqual({
      orders: [{ ...orderOf('u-1'), note: 'ring twice' }, orderOf('u-1', 'o-2')],
      ordersNext: next,
      servedBy: 'order-1',
      consistencyToken: 'order-1.01ABC:7',
    });
  });

  it('has no rest when there is no next link', async () => {
    const { first, read } = await replicas(1);
    expect((await read())?.ordersNext).toBeNull();
    if (first !== undefined) {
      first.answer = (_req, res) =>
        sendJson(res, 200, [], { Link: '</order-service/u-1/orders?a>; rel="prev"' });
    }
    expect((await read())?.ordersNext).toBeNull();
  });
});

describe('a read with a token', () => {
  it('carries the token to the replica', async () => {
    const { first, read } = await replicas(1);
    await read('order-1.01ABC:7,order-2.01ABD:3');
    expect(first?.requests[0]?.headers['consistency-token']).toBe('order-1.01ABC:7,order-2.01ABD:3');
  });

  it('has the time that a replica may wait for it on top', async () => {
    const { first, read } = await replicas(1, 200);
    if (first !== undefined) first.answer = (_req, res) => void setTimeout(() => sendJson(res, 200, []), 600);
    expect(await read('x:1')).toMatchObject({ orders: [], servedBy: 'order-1' });
    expect(await read()).toBeUndefined();
  });

  it.each([400, 410])('that is refused with %i is refused without asking others', async (status) => {
    const { first, second, read } = await replicas(2);
    if (first !== undefined)
      first.answer = (_req, res) => sendJson(res, status, { title: 'No', detail: 'Because.' });
    await expect(read('x:1')).rejects.toMatchObject({
      status,
      servedBy: 'order-1',
      problem: { title: 'No', detail: 'Because.' },
    });
    expect(second?.requests).toEqual([]);
  });

  it('goes on to a replica that has the write already', async () => {
    const { first, read } = await replicas(2);
    if (first !== undefined) first.answer = (_req, res) => sendJson(res, 503, {});
    expect(await read('x:1')).toMatchObject({ servedBy: 'order-2' });
  });

  it('never passes for answered when no replica has the write', async () => {
    const { first, second, read } = await replicas(2);
    if (first !== undefined)
      first.answer = (_req, res) =>
        sendJson(
          res,
          503,
          { type: '/problems/token-not-covered', detail: 'Not here yet.' },
          { 'Retry-After': '2' },
        );
    await second?.close();
    await expect(read('x:1')).rejects.toMatchObject({ status: 503, retryAfter: '2', servedBy: 'order-1' });
  });

  it.each(['not-ready', 'stopped', 'database-damaged'])(
    'gets no orders, and no word about another service, from a replica that is %s',
    async (kind) => {
      const { first, read } = await replicas(1);
      if (first !== undefined)
        first.answer = (_req, res) => sendJson(res, 503, { type: `/problems/${kind}` });
      expect(await read('x:1')).toBeUndefined();
    },
  );

  it('counts a refusal that was not about the token as no answer', async () => {
    const { first, read } = await replicas(1);
    if (first !== undefined) first.answer = (_req, res) => sendJson(res, 400, {});
    expect(await read()).toBeUndefined();
  });
});
