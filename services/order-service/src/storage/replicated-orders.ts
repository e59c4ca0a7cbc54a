/**
 * Orders in a replica's own SQLite: the store of the topologies `kafka` and `isolated`.
 */
import {
  formatToken,
  isReplicationError,
  joinToken,
  parseToken,
  type Replica,
  type Token,
} from '@dbsync/replication';
import { type Order, type OrderStore, OrderStoredOnly } from '../domain/order.ts';

interface OrderRow {
  readonly order_id: string;
  readonly user_id: string;
  readonly product_id: string;
  readonly quantity: number;
  readonly unit_price: number;
  readonly total_price: number;
  readonly created_at: string;
}

/** With its place: the id of its origin in this database, and its seq. */
type ShownOrderRow = OrderRow & { readonly origin: number; readonly seq: number };

type PlacedOrderRow = OrderRow & { readonly origin_name: string; readonly seq: number };

const COLUMNS = 'order_id, user_id, product_id, quantity, unit_price, total_price, created_at';

/** The store on a replica. Reads wait for their token first and are refused while the replica cannot serve. */
export function replicatedOrders(replica: Replica): OrderStore {
  const readable = async (text: string | undefined): Promise<Token> => {
    replica.assertReadable();
    const token: Token = text === undefined ? new Map() : parseToken(text);
    await replica.covers(token);
    return token;
  };
  /** The shown order with this id, with its place. */
  const placed = async (orderId: string): Promise<PlacedOrderRow | undefined> => {
    replica.assertReadable();
    const [row] = await replica.reads.all<PlacedOrderRow>(
      `SELECT ${COLUMNS}, o.name AS origin_name, r.seq FROM orders r JOIN replication_origin o ON o.id = r.origin
       WHERE r.order_id = ? AND r.superseded = 0`,
      [orderId],
    );
    return row;
  };
  return {
    async insert(order, { concern, mayExist }) {
      let row = mayExist ? await placed(order.orderId) : undefined;
      try {
        if (!row) return { order, ...(await replica.insert('orders', toRow(order), { concern })) };
      } catch (error) {
        if (isReplicationError(error, 'not-yet-logged')) throw new OrderStoredOnly(order, error);
        // Another replica's row with this id arrived since we looked.
        if (isReplicationError(error, 'key-taken')) row = await placed(order.orderId);
        if (!row) throw error;
      }
      const there = toOrder(row);
      const place = { origin: row.origin_name, seq: row.seq };
      try {
        await replica.confirm(place, { concern });
      } catch (error) {
        if (isReplicationError(error, 'not-yet-logged')) throw new OrderStoredOnly(there, error);
        throw error;
      }
      return { order: there, token: formatToken(place.origin, place.seq) };
    },

    async list({ userId, after, limit, token }) {
      const given = await readable(token);
      const rows = after
        ? await replica.reads.all<ShownOrderRow>(
            `SELECT ${COLUMNS}, origin, seq FROM orders WHERE user_id = ? AND superseded = 0 AND (created_at, order_id) > (?, ?)
             ORDER BY created_at, order_id LIMIT ?`,
            [userId, after.createdAt, after.id, limit],
          )
        : await replica.reads.all<ShownOrderRow>(
            `SELECT ${COLUMNS}, origin, seq FROM orders WHERE user_id = ? AND superseded = 0 ORDER BY created_at, order_id LIMIT ?`,
            [userId, limit],
          );
      return { orders: rows.map(toOrder), token: joinToken(await replica.readToken(rows, given)) };
    },

    async find({ userId, orderId, token }) {
      const given = await readable(token);
      const [row] = await replica.reads.all<ShownOrderRow>(
        `SELECT ${COLUMNS}, origin, seq FROM orders WHERE order_id = ? AND user_id = ? AND superseded = 0`,
        [orderId, userId],
      );
      return row && { order: toOrder(row), token: joinToken(await replica.readToken([row], given)) };
    },
  };
}

function toRow(order: Order): OrderRow {
  return {
    order_id: order.orderId,
    user_id: order.userId,
    product_id: order.productId,
    quantity: order.quantity,
    unit_price: order.unitPrice,
    total_price: order.totalPrice,
    created_at: order.createdAt,
  };
}

function toOrder(row: OrderRow): Order {
  return {
    orderId: row.order_id,
    userId: row.user_id,
    productId: row.product_id,
    quantity: row.quantity,
    unitPrice: row.unit_price,
    totalPrice: row.total_price,
    createdAt: row.created_at,
  };
}
