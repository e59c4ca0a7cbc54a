/**
 * Name and secret of the cluster that the bench runs as; its data are made with them.
 */
import { openReplica, realSurroundings } from '@dbsync/replication';
import { createChain, defineTable } from '@dbsync/replication/testing';
import { createLogger } from '@dbsync/service-kit';
import { ordersDatabase } from '../src/schema/orders-table.ts';

/** The cluster of the bench. */
export const identity = { cluster: 'bench', secret: 'a secret of sixteen and more' };

/** Its chain. */
export const chain = createChain(identity);

/** The tables as the order-service describes them. */
export const description = ordersDatabase('orders');

/** The orders table. */
export const ordersTable = defineTable(description.tables[0] as (typeof description.tables)[number]);

/** Makes the empty file of a replica; the tables are made by the one who knows how. */
export async function makeReplicaFile(file: string): Promise<void> {
  const replica = await openReplica({
    ...identity,
    replicaId: 'order-1',
    file,
    description,
    url: () => '',
    world: realSurroundings(createLogger({ name: 'fill', level: 'silent' })),
    failed: (error) => {
      throw error;
    },
  });
  await replica.stop();
}
