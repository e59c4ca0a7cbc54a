/**
 * Rows of one order that two replicas accepted at once, as a client repeated it: one is shown, the others are
 * superseded. Which one follows from the rows alone, so all replicas have to show the same.
 */
import type { StoredRow } from './replica-file.ts';

type Rank = readonly [createdAt: string, origin: string, seq: number];

/** Collects the rows of one file. */
export class Twins {
  readonly #shown = new Map<string, Rank>();
  readonly #superseded: { readonly orderId: string; readonly rank: Rank }[] = [];

  add({ origin, seq, isSuperseded, columns }: StoredRow): void {
    const orderId = String(columns.order_id);
    const rank: Rank = [String(columns.created_at), origin, seq];
    if (isSuperseded) this.#superseded.push({ orderId, rank });
    else this.#shown.set(orderId, rank);
  }

  /** Superseded rows without one that is shown, or with one that should have given way to them. */
  *wrong(): Iterable<string> {
    for (const { orderId, rank } of this.#superseded) {
      const shown = this.#shown.get(orderId);
      const place = `row ${rank[2]} of ${rank[1]} (${orderId})`;
      if (shown === undefined) yield `${place} is superseded by none`;
      else if (isBefore(rank, shown))
        yield `${place} is superseded by a later one, row ${shown[2]} of ${shown[1]}`;
    }
  }
}

function isBefore(a: Rank, b: Rank): boolean {
  const at = a.findIndex((part, index) => part !== b[index]);
  const [left, right] = [a[at], b[at]];
  return left !== undefined && right !== undefined && left < right;
}
