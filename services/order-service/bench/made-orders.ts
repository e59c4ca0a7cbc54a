/**
 * Orders that nobody placed, as many as a measure needs: genuine rows of runs of other replicas, linked and in order.
 */
import { ForeignRun, originName } from '@dbsync/replication/testing';
import { chain, ordersTable } from './bench-identity.ts';

type Event = ReturnType<ForeignRun['write']>;

/** A row with the event that carries it. */
export interface MadeOrder {
  readonly row: Readonly<Record<string, string | number | null>>;
  readonly event: Event;
  /** Index of its run. */
  readonly run: number;
}

/** Names of the runs that `madeOrders` makes. */
export function madeOrigins(runs: number): string[] {
  return Array.from({ length: runs }, (_, index) => originName(`made-${index + 1}`));
}

const START_MS = Date.UTC(2026, 0, 1);

/** `count` orders of `users` users, of `runs` runs in turn, a millisecond apart; ids sort by time as ours do. */
export function* madeOrders(options: { count: number; users: number; runs: number }): Generator<MadeOrder> {
  const writers = madeOrigins(options.runs).map((name) => new ForeignRun(name, { chain }));
  for (let number = 0; number < options.count; number += 1) {
    const atMs = START_MS + number;
    const hex = atMs.toString(16).padStart(12, '0');
    const row = {
      order_id: `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${number.toString(16).padStart(12, '0')}`,
      user_id: `user-${number % options.users}`,
      product_id: `product-${number % 1000}`,
      quantity: 1 + (number % 7),
      unit_price: 1500,
      total_price: 1500 * (1 + (number % 7)),
      created_at: new Date(atMs).toISOString(),
    };
    const run = number % writers.length;
    const event = writers[run]?.write(row, { bytes: ordersTable.encode(row, 1), table: ordersTable });
    if (event) yield { row, event, run };
  }
}
