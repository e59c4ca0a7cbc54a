/**
 * Name and secret of the cluster that the bench runs as; its data are made with them.
 */
import { createChain, defineTable } from '@dbsync/replication/testing';
import { ordersDatabase } from '../src/schema/orders-table.ts';

/** The cluster of the bench. */
export const identity = { cluster: 'bench', secret: 'a secret of sixteen and more' };

/** Its chain. */
export const chain = createChain(identity);

/** The tables as the order-service describes them. */
export const description = ordersDatabase('orders');

/** The orders table. */
export const ordersTable = defineTable(description.tables[0] as (typeof description.tables)[number]);
