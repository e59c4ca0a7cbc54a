import { startTestPostgres, type TestPostgres } from '@dbsync/infra/testing';
import { isReplicationError } from '@dbsync/replication';
import { waitUntil } from '@dbsync/replication/testing';
import { createLogger } from '@dbsync/service-kit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startOrderService } from '../../src/app.ts';
import { openPostgres, type Postgres } from '../../src/storage/postgres.ts';
import { SHARED_ORDERS_SCHEMA, sharedOrders } from '../../src/storage/shared-orders.ts';
import { newOrder, storesOrders } from './order-store-conformance.ts';

const logger = createLogger({ name: 'test', level: 'silent' });
const patience = 30_000;
let server: TestPostgres;
const connections: Postgres[] = [];

beforeAll(async () => {
  server = await startTestPostgres();
});
afterAll(async () => {
  for (const postgres of connections) await postgres.close();
  await server?.stop();
});

async function connect(name: string): Promise<Postgres> {
  const postgres = openPostgres({ url: server.url, name, schema: SHARED_ORDERS_SCHEMA, logger });
  connections.push(postgres);
  await waitUntil('PostgreSQL answers', () => postgres.absence === undefined || postgres.absence, patience);
  return postgres;
}

function storeOn(postgres: Postgres) {
  return sharedOrders(postgres, { replicaId: 'order-1', maxQueued: 1000 });
}

describe('orders in one PostgreSQL', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await connect('order-1');
  });

  storesOrders(() => storeOn(postgres));

  it('are seen by every replica as soon as one has answered', async () => {
    const other = storeOn(await connect('order-2'));
    const order = newOrder();
    const { token } = await storeOn(postgres).insert(order, { concern: 'log', mayExist: false });
    const { userId, orderId } = order;
    expect(await other.find({ userId, orderId, token })).toEqual({ json: JSON.stringify(order), token });
  });

  it('are on disk when they are answered: they survive a kill -9 of the server', async () => {
    const order = newOrder();
    await storeOn(postgres).insert(order, { concern: 'local', mayExist: false });
    await server.kill('SIGKILL');
    await server.ended();
    const { userId, orderId } = order;
    const find = () => storeOn(postgres).find({ userId, orderId, token: undefined });
    await expect(find()).rejects.toSatisfy((error) => isReplicationError(error, 'not-ready'));
    await server.restart();
    await waitUntil('it is back', () => postgres.absence === undefined || postgres.absence, patience);
    expect((await find())?.json).toBe(JSON.stringify(order));
  });
});

describe('an order-service on a shared database', () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  async function start(replicaId: string, databaseUrl: string): Promise<string> {
    const service = await startOrderService(
      {
        storage: 'shared-db',
        host: '127.0.0.1',
        port: 0,
        logLevel: 'silent',
        stopGraceMs: 200,
        replicaId,
        databaseUrl,
        readers: undefined,
        maxQueuedWrites: undefined,
      },
      { logger },
    );
    ends.push(() => service.stop());
    return service.url;
  }

  it('has the routes of orders, and says of replication that there is none', async () => {
    const [first, second] = [await start('order-1', server.url), await start('order-2', server.url)];
    for (const url of [first, second]) {
      const isReady = async () => (await fetch(`${url}/readyz`)).status === 200 || 'it is not ready';
      await waitUntil(`${url} is ready`, isReady, patience);
    }
    const placed = await fetch(`${first}/order-service/ada/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ productId: 'pen', quantity: 2, unitPrice: 250 }),
    });
    expect(placed.status).toBe(201);
    const order = await placed.json();
    expect(await (await fetch(`${second}/order-service/ada/orders`)).json()).toEqual([order]);
    const status = await fetch(`${first}/replication/status`);
    expect(status.status).toBe(404);
    expect(await status.json()).toMatchObject({ type: '/problems/not-replicated' });
    expect(await (await fetch(`${first}/metrics`)).text()).toMatch(
      /dbsync_shared_database_reachable\{.*\} 1/,
    );
  });

  it('answers 503 and is not ready while the database is away, and shows nobody its address', async () => {
    const url = await start('order-1', 'postgres://orders:hush@127.0.0.1:1/postgres');
    const answer = await fetch(`${url}/order-service/ada/orders`);
    expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true]);
    expect(await answer.text()).not.toMatch(/hush|127\.0\.0\.1/);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
  });
});
