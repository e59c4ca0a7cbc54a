/**
 * Orders in a replica's own SQLite: the store of the topologies `kafka` and `isolated`.
 */
import { formatToken, isReplicationError, parseToken, type Replica } from '@dbsync/replication';
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

type PlacedOrderRow = OrderRow & { readonly origin_name: string; readonly seq: number };

const COLUMNS = 'order_id, user_id, product_id, quantity, unit_price, total_price, created_at';

/** The store on a replica. Reads wait for their token first and are refused while the replica cannot serve. */
export function replicatedOrders(replica: Replica): OrderStore {
  const readable = async (token: string | undefined): Promise<void> => {
    replica.assertReadable();
    if (token !== undefined) await replica.covers(parseToken(token));
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
      await readable(token);
      const rows = after
        ? await replica.reads.all<OrderRow>(
            `SELECT ${COLUMNS} FROM orders WHERE user_id = ? AND superseded = 0 AND (created_at, order_id) > (?, ?)
             ORDER BY created_at, order_id LIMIT ?`,
            [userId, after.createdAt, after.id, limit],
          )
        : await replica.reads.all<OrderRow>(
            `SELECT ${COLUMNS} FROM orders WHERE user_id = ? AND superseded = 0 ORDER BY created_at, order_id LIMIT ?`,
            [userId, limit],
          );
      return rows.map(toOrder);
    },

    async find({ userId, orderId, token }) {
      await readable(token);
      const [row] = await replica.reads.all<OrderRow>(
        `SELECT ${COLUMNS} FROM orders WHERE order_id = ? AND user_id = ? AND superseded = 0`,
        [orderId, userId],
      );
      return row && toOrder(row);
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
