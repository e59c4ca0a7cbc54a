import type { Replica } from '@dbsync/replication';
import { MemoryBroker } from '@dbsync/replication/testing';
import { afterAll, beforeAll, describe } from 'vitest';
import { replicatedOrders } from '../../src/storage/replicated-orders.ts';
import { openPeer, stopEverything } from '../running-service.ts';
import { storesOrders } from './order-store-conformance.ts';

describe('orders in a replica of its own', () => {
  let replica: Replica;
  beforeAll(async () => {
    replica = await openPeer(new MemoryBroker());
  });
  afterAll(stopEverything);

  storesOrders(() => replicatedOrders(replica));
});
