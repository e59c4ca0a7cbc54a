/**
 * Orders in one PostgreSQL that all replicas share: the store of the topology `shared-db`.
 *
 * The other answer to replicas that disagree: one place for all. Whatever is committed is seen by every later read
 * of every replica, so a token asks for nothing that is not there; it is given and checked for its form, because
 * clients rely on both.
 */
import {
  formatToken,
  isReplicationError,
  joinToken,
  mintOrigin,
  parseToken,
  systemClock,
  systemRandom,
} from '@dbsync/replication';
import type { Order, OrderStore } from '../domain/order.ts';
import { GroupInsert } from './group-insert.ts';
import { orderJson, type PageRow, pageOf, pageSql } from './order-page.ts';
import { type Postgres, WRITERS } from './postgres.ts';

/**
 * One script, which PostgreSQL runs as one transaction. "C" sorts by bytes, as SQLite does, and compares much faster
 * than a language's rules.
 */
export const SHARED_ORDERS_SCHEMA = `
-- Replicas start together, and CREATE … IF NOT EXISTS is no protection against itself.
SELECT pg_advisory_xact_lock(7305021);
CREATE TABLE IF NOT EXISTS orders (
  order_id text COLLATE "C" PRIMARY KEY,
  user_id text COLLATE "C" NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  quantity integer NOT NULL,
  unit_price bigint NOT NULL,
  total_price bigint NOT NULL,
  created_at text COLLATE "C" NOT NULL
);
ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text;
CREATE INDEX IF NOT EXISTS orders_of_user ON orders (user_id, created_at, order_id);`;

/** One statement for every size of a group: it is prepared once. */
const INSERT = `INSERT INTO orders
  (order_id, user_id, product_id, quantity, unit_price, total_price, created_at, note)
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::bigint[], $6::bigint[], $7::text[], $8::text[])`;

const OF_USER = 'user_id = $1';
const BEYOND = `${OF_USER} AND (created_at, order_id) > ($2, $3)`;
const ORDER_JSON = orderJson(`coalesce(',"note":' || to_json(note)::text, '')`);
const FIRST_PAGE = pageSql({ json: ORDER_JSON, where: OF_USER, limit: '$2', mark: "''" });
const NEXT_PAGE = pageSql({ json: ORDER_JSON, where: BEYOND, limit: '$4', mark: "''" });
const ONE_BEYOND = `SELECT 1 AS found FROM orders WHERE ${BEYOND} LIMIT 1`;
const ONE_ORDER = `SELECT ${ORDER_JSON} AS json FROM orders WHERE order_id = $1 AND user_id = $2`;
const ONE_PLACED = `SELECT ${ORDER_JSON} AS json FROM orders WHERE order_id = $1`;

const MAX_GROUP = 500;

/** The store on a shared database; `replicaId` names the writes of this process in tokens. */
export function sharedOrders(
  postgres: Postgres,
  options: { replicaId: string; maxQueued: number },
): OrderStore {
  const origin = mintOrigin(options.replicaId, { clock: systemClock, random: systemRandom });
  let seq = 0;
  const inserts = new GroupInsert<Order>({
    store: (orders) => postgres.write(INSERT, columnsOf(orders)),
    atOnce: WRITERS,
    maxMembers: MAX_GROUP,
    maxQueued: options.maxQueued,
  });
  /** The order with this id. */
  const placed = async (orderId: string): Promise<Order | undefined> => {
    const [row] = await postgres.read<{ json: string }>(ONE_PLACED, [orderId]);
    return row && (JSON.parse(row.json) as Order);
  };
  return {
    async insert(order, { mayExist }) {
      let there = mayExist ? await placed(order.orderId) : undefined;
      try {
        // Every commit is on the one disk that there is: a log could make it no surer.
        if (!there) await inserts.insert(order);
      } catch (error) {
        // Another replica placed an order with this id since we looked.
        if (isReplicationError(error, 'key-taken')) there = await placed(order.orderId);
        if (!there) throw error;
      }
      seq += 1;
      return { order: there ?? order, token: formatToken(origin, seq) };
    },

    async list({ userId, after, limit, token }) {
      const seen = tokenAfter(token);
      const from = after ? [after.createdAt, after.id] : [];
      const sql = after ? NEXT_PAGE : FIRST_PAGE;
      const [page] = await postgres.read<PageRow>(sql, [userId, ...from, limit]);
      const { json, next } = await pageOf(page, {
        limit,
        isMoreBeyond: async ({ createdAt, id }) =>
          (await postgres.read(ONE_BEYOND, [userId, createdAt, id])).length > 0,
      });
      return { json, next, token: seen };
    },

    async find({ userId, orderId, token }) {
      const seen = tokenAfter(token);
      const [row] = await postgres.read<{ json: string }>(ONE_ORDER, [orderId, userId]);
      return row && { json: row.json, token: seen };
    },
  };
}

/** A later read sees everything that an earlier one did, so what was given is all there is to name. */
function tokenAfter(given: string | undefined): string {
  return given === undefined ? '' : joinToken(parseToken(given));
}

function columnsOf(orders: readonly Order[]) {
  return [
    orders.map(({ orderId }) => orderId),
    orders.map(({ userId }) => userId),
    orders.map(({ productId }) => productId),
    orders.map(({ quantity }) => quantity),
    orders.map(({ unitPrice }) => unitPrice),
    orders.map(({ totalPrice }) => totalPrice),
    orders.map(({ createdAt }) => createdAt),
    orders.map(({ note }) => note ?? null),
  ];
}
