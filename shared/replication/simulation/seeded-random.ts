/**
 * Randomness that a seed decides: the same seed gives the same numbers, on every machine.
 *
 * Streams are forked by name, so that one part of a simulation that draws more numbers than before moves nothing in
 * another part; that is what makes a failing plan worth shrinking.
 */
import { createHash } from 'node:crypto';
import type { Random } from '../src/surroundings.ts';

/** One stream of random numbers (xoshiro128**). */
export class SeededRandom implements Random {
  readonly #name: string;
  readonly #words: Uint32Array;

  constructor(name: string) {
    this.#name = name;
    const digest = createHash('sha256').update(name).digest();
    this.#words = Uint32Array.from([0, 4, 8, 12], (at) => digest.readUInt32LE(at));
  }

  /** A stream of its own. */
  fork(name: string): SeededRandom {
    return new SeededRandom(`${this.#name}/${name}`);
  }

  /** A number in [0, 1). */
  unit(): number {
    return this.#next() / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.unit() * (high - low + 1));
  }

  /** True once in `times`, on average. */
  once(times: number): boolean {
    return this.unit() * times < 1;
  }

  /** One of the names, each as likely as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.unit() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [name, weight] of entries) {
      left -= weight;
      if (left < 0) return name;
    }
    throw new Error('nothing to choose from');
  }

  bytes(size: number): Uint8Array {
    return Uint8Array.from({ length: size }, () => this.#next() >>> 24);
  }

  #next(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.#words;
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const next = [a ^ d ^ b, b ^ c ^ a, c ^ a ^ (b << 9), rotate(d ^ b, 11)];
    this.#words.set(next.map((word) => word >>> 0));
    return result;
  }
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

/** The element that a number in [0, 1) stands for; undefined where there is none. */
export function elementAt<T>(list: readonly T[], unit: number): T | undefined {
  return list[Math.min(list.length - 1, Math.floor(unit * list.length))];
}
