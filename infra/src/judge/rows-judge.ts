/**
 * The judge of rows: is what a replica's file holds what clients attempted and were promised, once, unaltered, and in
 * one unbroken chain for each origin?
 *
 * It makes the canonical bytes and the chains by itself from the columns, so that equal chains of two files mean
 * rows that are equal byte for byte, whatever the replicas say of themselves.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Chain, GENESIS } from '@dbsync/replication/testing';
import { type LoadRecord, orderFor } from '../load/order-load.ts';
import type { ReplicaContents, StoredRow } from './replica-file.ts';
import { Twins } from './twins.ts';
import type { Violations } from './violations.ts';

/** What the judge knows from outside. */
export interface Knowledge {
  readonly chain: Chain;
  /** Everything that was attempted and acknowledged, over all loads. */
  readonly load: Pick<LoadRecord, 'attempted' | 'acknowledged'>;
}

/** What one replica was found to hold. */
export interface HeldRows {
  readonly replica: string;
  readonly rows: number;
  /** Last seq and recomputed link of each origin. */
  readonly vector: ReadonlyMap<string, { readonly seq: number; readonly link: string }>;
  /** Link of each row, by origin; place 0 is seq 1. */
  readonly links: ReadonlyMap<string, readonly string[]>;
}

/** Columns of an order in each schema version, sorted: what its canonical bytes are made of. */
const columnsOfVersion: Readonly<Record<number, readonly string[]>> = {
  1: ['created_at', 'order_id', 'product_id', 'quantity', 'total_price', 'unit_price', 'user_id'],
  2: ['created_at', 'note', 'order_id', 'product_id', 'quantity', 'total_price', 'unit_price', 'user_id'],
};

/** Rows between two turns of the event loop: whoever judges may have others to serve, such as links. */
const rowsAtOnce = 500;

/** Judges one file and adds what is wrong to `violations`. @throws Error for rows of a version it does not know. */
export async function judgeRows(
  replica: string,
  contents: ReplicaContents,
  { knowledge, violations }: { readonly knowledge: Knowledge; readonly violations: Violations },
): Promise<HeldRows> {
  const links = new Map<string, string[]>();
  const last = new Map<string, { seq: number; link: Buffer }>();
  const shown = new Map<string, string>();
  const twins = new Twins();
  let rows = 0;
  for (const row of contents.rows) {
    rows += 1;
    if (rows % rowsAtOnce === 0) await nextTurn();
    const place = `${replica}: row ${row.seq} of ${row.origin}`;
    const before = last.get(row.origin) ?? { seq: 0, link: GENESIS };
    if (row.seq !== before.seq + 1) violations.add('I3', 'hole', `${place} follows ${before.seq}`);
    const link = linkOf(row, before.link, knowledge.chain);
    if (!link.equals(row.chain)) violations.add('I3', 'broken chain', `${place} does not hash to its link`);
    // What is stored goes on from here: one altered row is one violation, not one for each row behind it.
    last.set(row.origin, { seq: row.seq, link: row.chain });
    const ownLinks = links.get(row.origin) ?? [];
    links.set(row.origin, ownLinks);
    ownLinks.push(row.chain.toString('base64'));
    judgeOrder(row, { place, knowledge, violations, shown });
    twins.add(row);
  }
  for (const what of twins.wrong()) violations.add('I2', 'superseded', `${replica}: ${what}`);
  for (const [productId, orderId] of knowledge.load.acknowledged) {
    if (shown.get(productId) !== orderId)
      violations.add('I1', 'lost', `${replica}: ${productId} (${orderId})`);
  }
  if (contents.hidden > 0) violations.add('I5', 'hidden', `${replica} hides ${contents.hidden} rows`);
  judgeOrigins(replica, contents, { last, violations });
  const vector = new Map(
    [...last].map(([name, { seq, link }]) => [name, { seq, link: link.toString('base64') }]),
  );
  return { replica, rows, vector, links };
}

/** Adds what differs between replicas. */
export function judgeEqual(held: readonly HeldRows[], violations: Violations): void {
  const [first, ...others] = held;
  for (const other of others) {
    for (const origin of new Set([...(first?.vector.keys() ?? []), ...other.vector.keys()])) {
      const [a, b] = [first?.vector.get(origin), other.vector.get(origin)];
      if (a?.seq === b?.seq && a?.link === b?.link) continue;
      const told = `${origin}: ${first?.replica} ${a?.seq ?? 0}, ${other.replica} ${b?.seq ?? 0}`;
      violations.add('I6', 'different', told);
    }
  }
}

function judgeOrder(
  row: StoredRow,
  about: {
    readonly place: string;
    readonly knowledge: Knowledge;
    readonly violations: Violations;
    readonly shown: Map<string, string>;
  },
): void {
  const { place, violations, shown } = about;
  const { attempted, acknowledged } = about.knowledge.load;
  const productId = String(row.columns.product_id);
  if (!attempted.has(productId)) violations.add('I2', 'phantom', `${place} (${productId})`);
  else if (!isAsAttempted(row)) violations.add('I2', 'altered', `${place}: ${JSON.stringify(row.columns)}`);
  // The twin of a repeated order, which no read shows.
  if (row.isSuperseded) return;
  if (shown.has(productId)) violations.add('I1', 'doubled', `${place} (${productId})`);
  // Of two, the one that was acknowledged counts: the other is doubled, and nothing is lost.
  if (shown.get(productId) !== acknowledged.get(productId))
    shown.set(productId, String(row.columns.order_id));
}

function isAsAttempted({ columns }: StoredRow): boolean {
  const { userId, quantity, unitPrice } = orderFor(String(columns.product_id));
  return (
    columns.user_id === userId &&
    columns.quantity === quantity &&
    columns.unit_price === unitPrice &&
    columns.total_price === quantity * unitPrice
  );
}

function judgeOrigins(
  replica: string,
  { origins }: ReplicaContents,
  found: {
    readonly last: ReadonlyMap<string, { seq: number; link: Buffer }>;
    readonly violations: Violations;
  },
): void {
  for (const { name, seq, chain, published } of origins) {
    const held = found.last.get(name) ?? { seq: 0, link: GENESIS };
    if (held.seq !== seq)
      found.violations.add('I3', 'vector', `${replica}: ${name} says ${seq}, holds ${held.seq}`);
    else if (!held.link.equals(chain))
      found.violations.add('I3', 'vector', `${replica}: ${name} has another link`);
    if (published > seq)
      found.violations.add('I4', 'published', `${replica}: ${name} ${published} of ${seq}`);
  }
}

function linkOf(row: StoredRow, previous: Buffer, chain: Chain): Buffer {
  const columns = columnsOfVersion[row.schemaVersion];
  if (columns === undefined)
    throw new Error(`the judge does not know the columns of schema version ${row.schemaVersion}: tell it`);
  const fields = columns.map((name) => `"${name}":${JSON.stringify(row.columns[name] ?? null)}`);
  const { origin, seq, schemaVersion } = row;
  const bytes = Buffer.from(`{${fields.join(',')}}`);
  return chain.link(previous, { origin, seq, schemaVersion, table: 'orders', bytes });
}
