/**
 * Orders in a replica's own SQLite: the store of the topologies `kafka` and `isolated`.
 */
import {
  formatToken,
  isReplicationError,
  joinToken,
  parseToken,
  type Replica,
  type Row,
  type Token,
} from '@dbsync/replication';
import { type Order, type OrderStore, OrderStoredOnly } from '../domain/order.ts';
import { orderJson, type PageRow, pageOf, pageSql } from './order-page.ts';

/** A shown order with its place. */
interface PlacedOrderRow {
  readonly json: string;
  readonly origin: string;
  readonly seq: number;
}

/** Where a row is: the id of its origin in this database, and its seq. */
const MARK = `origin || ' ' || seq`;
const OF_USER = 'user_id = ? AND superseded = 0';
const BEYOND = `${OF_USER} AND (created_at, order_id) > (?, ?)`;
const ONE_BEYOND = `SELECT 1 FROM orders WHERE ${BEYOND} LIMIT 1`;
const NOTE = `CASE WHEN note IS NULL THEN '' ELSE ',"note":' || json_quote(note) END`;

/** Queries whose answers are ready to be sent; the orders of an older build have no note. */
function queriesOf({ hasNote }: { hasNote: boolean }) {
  const json = orderJson(hasNote ? NOTE : "''");
  return {
    firstPage: pageSql({ json, where: OF_USER, limit: '?', mark: MARK }),
    nextPage: pageSql({ json, where: BEYOND, limit: '?', mark: MARK }),
    one: `SELECT ${json} AS json, ${MARK} AS marks FROM orders WHERE order_id = ? AND user_id = ? AND superseded = 0`,
    placed: `SELECT ${json} AS json, o.name AS origin, r.seq AS seq
      FROM orders r JOIN replication_origin o ON o.id = r.origin WHERE r.order_id = ? AND r.superseded = 0`,
  };
}

/** The store on a replica. Reads wait for their token first and are refused while the replica cannot serve. */
export function replicatedOrders(replica: Replica): OrderStore {
  const queries = queriesOf({ hasNote: replica.columns('orders').includes('note') });
  const readable = async (text: string | undefined): Promise<Token> => {
    replica.assertReadable();
    const token: Token = text === undefined ? new Map() : parseToken(text);
    await replica.covers(token);
    return token;
  };
  const tokenAfter = async (marks: string | null | undefined, given: Token): Promise<string> =>
    joinToken(await replica.readToken(shownRows(marks ?? ''), given));
  /**
   * Waits for what a client has seen before an order is looked for. What does not come in time, or is gone for good, must not
   * keep it from ordering: which of two orders with one key stands is then settled when they meet.
   */
  const seen = async (text: string | undefined): Promise<void> => {
    try {
      await readable(text);
    } catch (error) {
      if (!isReplicationError(error, 'write-gone') && !isReplicationError(error, 'token-not-covered'))
        throw error;
    }
  };
  /** The shown order with this id, with its place. */
  const placed = async (orderId: string): Promise<PlacedOrderRow | undefined> => {
    replica.assertReadable();
    const [row] = await replica.reads.all<PlacedOrderRow>(queries.placed, [orderId]);
    return row;
  };
  return {
    async insert(order, { concern, mayExist, token, traceParent }) {
      if (mayExist) await seen(token);
      let row = mayExist ? await placed(order.orderId) : undefined;
      try {
        if (!row) {
          return { order, ...(await replica.insert('orders', toRow(order), { concern, traceParent })) };
        }
      } catch (error) {
        if (isReplicationError(error, 'not-yet-logged')) throw new OrderStoredOnly(order, error);
        // Another replica's row with this id arrived since we looked.
        if (isReplicationError(error, 'key-taken')) row = await placed(order.orderId);
        if (!row) throw error;
      }
      const there = JSON.parse(row.json) as Order;
      const place = { origin: row.origin, seq: row.seq };
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
      const from = after ? [after.createdAt, after.id] : [];
      const sql = after ? queries.nextPage : queries.firstPage;
      const [page] = await replica.reads.all<PageRow>(sql, [userId, ...from, limit]);
      const { json, next } = await pageOf(page, {
        limit,
        isMoreBeyond: async ({ createdAt, id }) =>
          (await replica.reads.all(ONE_BEYOND, [userId, createdAt, id])).length > 0,
      });
      return { json, next, token: await tokenAfter(page?.marks, given) };
    },

    async find({ userId, orderId, token }) {
      const given = await readable(token);
      const [row] = await replica.reads.all<{ json: string; marks: string }>(queries.one, [orderId, userId]);
      return row && { json: row.json, token: await tokenAfter(row.marks, given) };
    },
  };
}

/** The last row that is shown of each origin; within one, everything before it was committed earlier. */
function shownRows(marks: string): { origin: number; seq: number }[] {
  const last = new Map<number, number>();
  for (const mark of marks === '' ? [] : marks.split(',')) {
    const space = mark.indexOf(' ');
    const origin = Number(mark.slice(0, space));
    last.set(origin, Math.max(Number(mark.slice(space + 1)), last.get(origin) ?? 0));
  }
  return [...last].map(([origin, seq]) => ({ origin, seq }));
}

function toRow(order: Order): Row {
  return {
    order_id: order.orderId,
    user_id: order.userId,
    product_id: order.productId,
    quantity: order.quantity,
    unit_price: order.unitPrice,
    total_price: order.totalPrice,
    created_at: order.createdAt,
    ...(order.note === undefined ? {} : { note: order.note }),
  };
}
