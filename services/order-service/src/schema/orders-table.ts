/**
 * The orders table, described once: from this come its SQL, its checks and its bytes on the wire.
 */
import type { DatabaseDescription, TableDescription } from '@dbsync/replication';
import { z } from 'zod';

/** Letters, digits, dot, underscore, hyphen: what user and product ids are made of. */
export const identifier = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"');

/** Pieces of one product. */
export const quantity = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(1_000_000, 'must be at most 1000000');

/** Minor units, such as cents. */
export const unitPrice = z
  .int('must be a whole number of minor units')
  .min(0, 'must not be negative')
  .max(1_000_000_000, 'must be at most 1000000000');

/** What a client wants to say along with an order. */
export const note = z.string().max(200, 'must be at most 200 characters');

/** Version 2 added `note`. A version is never changed: rows are hashed in the one that they were written in. */
const VERSION = 2;

const orders: TableDescription = {
  name: 'orders',
  columns: z.object({
    order_id: identifier,
    user_id: identifier,
    product_id: identifier,
    quantity,
    unit_price: unitPrice,
    total_price: z.int().min(0),
    created_at: z.iso.datetime({ precision: 3 }),
    note: note.nullable(),
  }),
  primaryKey: 'order_id',
  createdAt: 'created_at',
  since: { note: 2 },
  // Serves "the orders of a user, by time" without sorting.
  indexes: [['user_id', 'created_at', 'order_id']],
};

/** The replicated database of this service; `name` comes from the configuration. */
export function ordersDatabase(name: string): DatabaseDescription {
  return { name, version: VERSION, tables: [orders] };
}
