/**
 * A page of orders as one value that the database builds: SQL that SQLite and PostgreSQL both understand.
 *
 * No object is made for a row on the way from the disk to the socket. The stores bring what differs: placeholders,
 * and which rows are shown.
 */
import type { OrderPage, OrderPlace } from '../domain/order.ts';

/**
 * One order as clients see it, as an expression. Its texts need no escape: ids are plain characters, times are ISO
 * 8601. Only `note` does, an expression that gives the whole member with its comma, or nothing: each database quotes
 * in its own words.
 */
export function orderJson(note: string): string {
  return `'{"orderId":"' || order_id || '","userId":"' || user_id || '","productId":"' || product_id
  || '","quantity":' || quantity || ',"unitPrice":' || unit_price || ',"totalPrice":' || total_price
  || ',"createdAt":"' || created_at || '"' || (${note}) || '}'`;
}

/** What a page's query answers with, in its one row. */
export interface PageRow {
  readonly json: string;
  readonly count: number;
  /** `createdAt orderId` of the last order; null for an empty page. */
  readonly last: string | null;
  /** What the store wants to know of every row, comma-joined; null for an empty page. */
  readonly marks: string | null;
}

/** The first `limit` orders that meet the condition, by time; `json` is `orderJson`, `mark` an expression on a row. */
export function pageSql(clauses: { json: string; where: string; limit: string; mark: string }): string {
  return `SELECT '[' || coalesce(string_agg(json, ','), '') || ']' AS json, CAST(count(*) AS integer) AS count,
      max(place) AS last, string_agg(mark, ',') AS marks
    FROM (SELECT ${clauses.json} AS json, created_at || ' ' || order_id AS place, ${clauses.mark} AS mark
          FROM orders WHERE ${clauses.where} ORDER BY created_at, order_id LIMIT ${clauses.limit}) AS page`;
}

/** JSON and next place of the page that an answer stands for; asks whether there is more only when the page is full. */
export async function pageOf(
  row: PageRow | undefined,
  options: { limit: number; isMoreBeyond: (place: OrderPlace) => Promise<boolean> },
): Promise<Omit<OrderPage, 'token'>> {
  const { json = '[]', count = 0, last = null } = row ?? {};
  const [createdAt, id] = last?.split(' ') ?? [];
  if (count < options.limit || !createdAt || !id) return { json, next: undefined };
  const place = { createdAt, id };
  return { json, next: (await options.isMoreBeyond(place)) ? place : undefined };
}
