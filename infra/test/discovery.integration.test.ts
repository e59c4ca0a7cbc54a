/**
 * Gateways that find real replicas without their announcements: by a fixed list, and by a name.
 */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { leanNode } from '../src/cluster/service-environment.ts';
import { waitFor } from '../src/index.ts';
import { type Life, startLife } from '../src/process/life.ts';
import { chooseFreePorts } from '../src/process/ports.ts';
import { startTestCluster, type TestCluster } from '../testing/index.ts';

const MAIN = fileURLToPath(new URL('../../services/gateway/src/main.ts', import.meta.url));

let test: TestCluster;
const gateways: Life[] = [];

beforeAll(async () => {
  test = await startTestCluster({ replicas: 3, isRestarting: false });
});
afterAll(() => Promise.all(gateways.map((gateway) => gateway.stop(5000))));

/** A gateway that is told of no Kafka, once it has heard of so many replicas. */
async function startGateway(discovery: Record<string, string>, replicas: number): Promise<string> {
  const [port = 0] = await chooseFreePorts(1);
  const [first = ''] = test.orderUrls;
  const lines: string[] = [];
  const gateway = await startLife({
    command: process.execPath,
    args: [MAIN],
    environment: {
      ...leanNode,
      PATH: process.env.PATH ?? '',
      HOST: '127.0.0.1',
      PORT: String(port),
      USER_SERVICE_URL: first,
      ...discovery,
    },
    onLine: (line) => lines.push(line),
  });
  gateways.push(gateway);
  const url = `http://127.0.0.1:${port}`;
  await waitFor({
    what: `${replicas} live replicas`,
    timeoutMs: 30_000,
    intervalMs: 50,
    look: async () => {
      const answer = await fetch(`${url}/registry`).catch(() => undefined);
      const known = (await answer?.json()) as { orderReplicas: { state: string }[] } | undefined;
      const live = known?.orderReplicas.filter(({ state }) => state === 'live').length ?? 0;
      return live === replicas ? { found: live } : { missing: `${live}; ${lines.slice(-3).join(' ')}` };
    },
  });
  return url;
}

/** Places an order and reads it with its token so often; names who served, and fails where it is not shown. */
async function placeAndRead(url: string, times: number): Promise<string[]> {
  const orders = `${url}/order-service/ada/orders`;
  const placed = await fetch(orders, {
    method: 'POST',
    // Whoever is asked may be the one that is being killed.
    headers: { 'content-type': 'application/json', 'Idempotency-Key': randomUUID() },
    body: JSON.stringify({ productId: 'tea', quantity: 1, unitPrice: 1 }),
  });
  expect(placed.status).toBe(201);
  const { orderId } = (await placed.json()) as { orderId: string };
  const token = placed.headers.get('consistency-token') ?? '';
  const served: string[] = [];
  for (let n = 0; n < times; n += 1) {
    const read = await fetch(orders, { headers: { 'Consistency-Token': token } });
    expect(read.status).toBe(200);
    expect((await read.json()) as object[]).toContainEqual(expect.objectContaining({ orderId }));
    served.push(read.headers.get('x-served-by') ?? '');
  }
  return served;
}

it('a gateway with a fixed list balances over real replicas, by turns, and passes over one that is killed', async () => {
  const url = await startGateway({ ORDER_SERVICE_URLS: test.orderUrls.join(',') }, 3);
  // Which of them cover the token is learned once a second, so not all of the first reads go by turns.
  await waitFor({
    what: 'turns of all three',
    timeoutMs: 30_000,
    look: async () => {
      const served = await placeAndRead(url, 30);
      return new Set(served).size === 3 ? { found: served } : { missing: served.join() };
    },
  });
  await Promise.all([test.cluster.service('order-2').kill('SIGKILL'), placeAndRead(url, 1)]);
  expect(await placeAndRead(url, 12)).not.toContain('order-2');
});

it('a gateway with a name asks who is behind it', async () => {
  const [first = ''] = test.orderUrls;
  const url = await startGateway({ ORDER_SERVICE_DNS: `localhost:${new URL(first).port}` }, 1);
  expect(new Set(await placeAndRead(url, 6))).toEqual(new Set(['order-1']));
});
