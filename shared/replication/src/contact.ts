/**
 * The contact to the log: does it answer, how often in a row did it not, and was the log seen to be ours since.
 */

/** Whether the log answers. */
export class Contact {
  #isThere = false;
  #failures = 0;
  /** After an outage another log may be behind the address: the bookmarks have to be seen again before all else. */
  #mustProve = false;

  /** False while the broker does not answer, and before the first contact. */
  get isThere(): boolean {
    return this.#isThere;
  }

  /** Calls in a row that failed. */
  get failures(): number {
    return this.#failures;
  }

  /** The log answered. */
  made(): void {
    this.#isThere = true;
  }

  /** A whole step went well. */
  held(): void {
    this.#failures = 0;
  }

  /** The log did not answer. */
  lost(): void {
    this.#failures += 1;
    this.#isThere = false;
    this.#mustProve = true;
  }

  /** Reading begins at the bookmarks again. */
  proves(): void {
    this.#mustProve = false;
  }

  /** True once after an outage: what is read has to begin at the bookmarks. */
  takeDoubt(): boolean {
    const mustProve = this.#mustProve;
    this.#mustProve = false;
    return mustProve;
  }
}
