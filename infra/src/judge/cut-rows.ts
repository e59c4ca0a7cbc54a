/**
 * The rows that retention took from the log: those that were seen in it, below the offsets that were cut. Nothing else
 * may be missing in it: not what was never published, and not what came after the look.
 */

interface CutOrigin {
  readonly seqs: Set<number>;
  prefix: number;
}

/** Remembers them over all cuts of one topic. */
export class CutRows {
  readonly #origins = new Map<string, CutOrigin>();

  /** The log held this row where it was cut. */
  add({ origin, seq }: { readonly origin: string; readonly seq: number }): void {
    const cut = this.#origins.get(origin) ?? { seqs: new Set(), prefix: 0 };
    this.#origins.set(origin, cut);
    cut.seqs.add(seq);
    while (cut.seqs.has(cut.prefix + 1)) cut.prefix += 1;
  }

  has(origin: string, seq: number): boolean {
    return this.#origins.get(origin)?.seqs.has(seq) ?? false;
  }

  /** Up to this seq every row of the origin was taken; 0 where the first is still to be in the log. */
  prefix(origin: string): number {
    return this.#origins.get(origin)?.prefix ?? 0;
  }

  /** The topic was made anew: it has to be filled from the first row on. */
  clear(): void {
    this.#origins.clear();
  }
}
