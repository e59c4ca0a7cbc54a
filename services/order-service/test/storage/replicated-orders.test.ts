import type { Replica } from '@dbsync/replication';
import { MemoryBroker, waitUntil } from '@dbsync/replication/testing';
import { afterAll, beforeAll, describe } from 'vitest';
import { replicatedOrders } from '../../src/storage/replicated-orders.ts';
import { openPeer, stopEverything } from '../running-service.ts';
import { storesOrders } from './order-store-conformance.ts';

describe('orders in a replica of its own', () => {
  let replica: Replica;
  beforeAll(async () => {
    replica = await openPeer(new MemoryBroker());
    // Orders may have a note once everybody is known to know it.
    await waitUntil('version 2 is written', async () => (await replica.status()).schema.writes === 2);
  });
  afterAll(stopEverything);

  storesOrders(() => replicatedOrders(replica));
});
