/**
 * A correct replica in memory, to plant faults in: three orders in two runs, everything acknowledged.
 */
import { createChain, GENESIS } from '@dbsync/replication/testing';
import type { ReplicaContents, StoredRow } from '../../src/judge/replica-file.ts';
import type { Knowledge } from '../../src/judge/rows-judge.ts';
import { orderFor } from '../../src/load/order-load.ts';

/** The chain of the planted cluster. */
export const chain = createChain({ cluster: 'judged', secret: 'a secret of sixteen and more' });

/** What clients know. */
export function knowledge(products: readonly string[] = ['p-0', 'p-1', 'p-2']): Knowledge {
  const acknowledged = new Map(products.map((product) => [product, `id-${product}`]));
  return { chain, load: { attempted: new Set(products), acknowledged } };
}

/** A genuine row behind `previous`. */
export function rowOf(
  productId: string,
  at: { origin: string; seq: number; previous?: Buffer },
  columns: Readonly<Record<string, string | number>> = {},
  schemaVersion = 1,
): StoredRow {
  const { userId, quantity, unitPrice } = orderFor(productId);
  const stored = {
    created_at: '2026-01-02T03:04:05.678Z',
    ...(schemaVersion > 1 ? { note: null } : {}),
    order_id: `id-${productId}`,
    product_id: productId,
    quantity,
    total_price: quantity * unitPrice,
    unit_price: unitPrice,
    user_id: userId,
    ...columns,
  };
  const bytes = Buffer.from(JSON.stringify(stored));
  const link = chain.link(at.previous ?? GENESIS, { ...at, schemaVersion, table: 'orders', bytes });
  return { ...at, schemaVersion, chain: link, isSuperseded: false, columns: stored };
}

/** Rows p-0, p-1 of run a and p-2 of run b. */
export function goodRows(): [StoredRow, StoredRow, StoredRow] {
  const first = rowOf('p-0', { origin: 'a', seq: 1 });
  return [
    first,
    rowOf('p-1', { origin: 'a', seq: 2, previous: first.chain }),
    rowOf('p-2', { origin: 'b', seq: 1 }),
  ];
}

/** A file with these rows, whose origins say what the rows are. */
export function fileOf(rows: readonly StoredRow[]): ReplicaContents {
  const last = new Map(rows.map((row) => [row.origin, row]));
  const origins = [...last.values()].map(({ origin, seq, chain: link }) => ({
    name: origin,
    seq,
    chain: link,
    isMinted: false,
    published: seq,
  }));
  return { origins, rows, hidden: 0 };
}

/** The record that carries a row. */
export function recordOf(row: StoredRow, previous: Buffer = GENESIS) {
  return {
    partition: 0,
    value: Buffer.from(JSON.stringify(row.columns)),
    headers: {
      ce_type: 'orders.inserted',
      ce_origin: row.origin,
      ce_seq: String(row.seq),
      ce_schemaversion: String(row.schemaVersion),
      ce_previous: previous.toString('hex'),
      ce_chain: row.chain.toString('hex'),
    },
  };
}
