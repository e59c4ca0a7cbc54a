/**
 * The size of an append: what was configured, or less where the broker has refused more.
 *
 * What was learned holds for all origins and until the next contact: a batch that was refused would be refused again,
 * and growing back would make every other append fail for ever. Half of what was refused is at least half of what fits.
 */

/** Bounds of one append. */
export interface BatchBounds {
  readonly rows: number;
  /** Bytes of the rows' values. */
  readonly bytes: number;
}

/** How much to append at a time. */
export class BatchSize {
  readonly #configured: BatchBounds;
  #bytes: number;

  constructor(configured: BatchBounds) {
    this.#configured = configured;
    this.#bytes = configured.bytes;
  }

  /** Bounds of the next append. A single row may be larger. */
  get bounds(): BatchBounds {
    return { rows: this.#configured.rows, bytes: this.#bytes };
  }

  /** The broker found an append too large whose values have this many bytes. */
  refused(bytes: number): void {
    this.#bytes = Math.max(1, Math.min(this.#bytes, Math.floor(bytes / 2)));
  }

  /** A new contact: the broker may have been set up anew. */
  forget(): void {
    this.#bytes = this.#configured.bytes;
  }
}
