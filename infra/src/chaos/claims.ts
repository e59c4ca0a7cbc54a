/**
 * Who may be hurt by whom: faults of both lanes run at the same time, and some exclude each other.
 *
 * A fault claims what it needs all at once and gives it back together, so no two wait for each other for ever.
 */

/** Something that one fault at a time may have: a replica by name, or the log. */
export type Claimable = string;

/** Claims of everybody. */
export class Claims {
  readonly #taken = new Set<Claimable>();
  #released = Promise.withResolvers<void>();

  /** Waits until all of it is free, takes it, runs, and gives it back. */
  async holding<T>(wanted: readonly Claimable[], run: () => Promise<T>): Promise<T> {
    while (wanted.some((one) => this.#taken.has(one))) await this.#released.promise;
    for (const one of wanted) this.#taken.add(one);
    try {
      return await run();
    } finally {
      for (const one of wanted) this.#taken.delete(one);
      this.#released.resolve();
      this.#released = Promise.withResolvers();
    }
  }
}
