/**
 * Randomness from a seed: the same seed gives the same numbers on every machine and in every build.
 */

/** A sequence of random choices. */
export interface SeededRandom {
  /** A number in [0, 1). */
  fraction(): number;
  /** A whole number, both ends included. */
  between(low: number, high: number): number;
  /** One of them. Throws when there is none. */
  pick<T>(choices: readonly T[]): T;
  /** All of them in another order. */
  shuffle<T>(things: readonly T[]): T[];
}

/** Makes the sequence of a seed (mulberry32, whose 32 bits of state are enough to choose faults by). */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (low: number, high: number): number => low + Math.floor(fraction() * (high - low + 1));
  return {
    fraction,
    between,
    pick(choices) {
      const chosen = choices[between(0, choices.length - 1)];
      if (chosen === undefined) throw new Error('there is nothing to choose from');
      return chosen;
    },
    shuffle(things) {
      const rest = [...things];
      for (let last = rest.length - 1; last > 0; last -= 1) {
        const other = between(0, last);
        const [a, b] = [rest[last], rest[other]];
        if (a !== undefined && b !== undefined) [rest[last], rest[other]] = [b, a];
      }
      return rest;
    },
  };
}
