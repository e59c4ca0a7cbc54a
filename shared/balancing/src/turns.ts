/**
 * Whose turn it is: strict round robin that stays fair when not everybody may take every turn.
 *
 * Each replica has a place in line, which moves back by one with each turn; the one furthest ahead is next. With
 * everybody eligible that is round robin in the order given; when some are passed over (a token they do not cover,
 * a retry), the shares even out again. A replica that returns starts at the present and moves back faster at
 * first, so that it gets few turns while it is cold.
 */

/** Time over which the share of a returning replica grows to a full one, in milliseconds. */
const SLOW_START_MS = 5_000;
const LEAST_WEIGHT = 0.1;
/** Who comes within this time of the first one was there from the start. */
const TOGETHER_MS = 5_000;
/** Turns that somebody who was passed over may catch up with at once. */
const MAX_ARREARS = 4;

interface Place {
  at: number;
  enteredAtMs: number;
}

/** The line. Keys are addresses. */
export class Turns {
  readonly #now: () => number;
  readonly #places = new Map<string, Place>();
  #present = 0;
  #startedAtMs: number | undefined;

  constructor(options: { now?: () => number } = {}) {
    this.#now = options.now ?? (() => performance.now());
  }

  /** Says who is in balance now: newcomers and those who return line up at the end, slowly. */
  keep(keys: readonly string[]): void {
    const now = this.#now();
    if (keys.length > 0) this.#startedAtMs ??= now;
    const isStart = now - (this.#startedAtMs ?? now) < TOGETHER_MS;
    for (const key of keys) {
      if (this.#places.has(key)) continue;
      this.#places.set(key, { at: this.#present, enteredAtMs: isStart ? now - SLOW_START_MS : now });
    }
    if (this.#places.size === keys.length) return;
    const kept = new Set(keys);
    for (const key of this.#places.keys()) if (!kept.has(key)) this.#places.delete(key);
  }

  /** Takes the turn of one of `keys`, all of which are kept; undefined when there is none. */
  take(keys: readonly string[]): string | undefined {
    let first: { key: string; place: Place; at: number } | undefined;
    for (const key of keys) {
      const place = this.#places.get(key);
      if (place === undefined) continue;
      const at = Math.max(place.at, this.#present - MAX_ARREARS);
      if (first === undefined || at < first.at) first = { key, place, at };
    }
    if (first === undefined) return undefined;
    this.#present = Math.max(this.#present, first.at);
    first.place.at = first.at + 1 / this.weight(first.key);
    return first.key;
  }

  /** The share of a turn that a replica gets at present: 1, or less for one that returned a moment ago. */
  weight(key: string): number {
    const place = this.#places.get(key);
    if (place === undefined) return 0;
    const grown = (this.#now() - place.enteredAtMs) / SLOW_START_MS;
    return Math.min(1, Math.max(LEAST_WEIGHT, grown));
  }
}
