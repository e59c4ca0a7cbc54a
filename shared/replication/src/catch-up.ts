/**
 * Catching up: everything that the log held when reading (re)began has to be read before a replica is live.
 */
import type { PartitionOffsets } from './change-log.ts';

/** Where reading has to get to. */
export class CatchUp {
  readonly #nextOf: (partition: number) => number;
  #goal: readonly PartitionOffsets[] | undefined;
  #hasEverEnded = false;

  /** `nextOf`: the position of a partition. */
  constructor(nextOf: (partition: number) => number) {
    this.#nextOf = nextOf;
  }

  /** True once a goal was reached: everything that the log held at the first contact was applied. */
  get hasEverEnded(): boolean {
    return this.#hasEverEnded;
  }

  /** The ends that have to be reached now. */
  begin(goal: readonly PartitionOffsets[]): void {
    this.#goal = goal;
  }

  /**
   * The ends as they are now. One that went back can never be reached: the log was made anew or has lost its tail before
   * anything of it was read, so no bookmark tells. What the log holds now is all there is to read.
   */
  saw(offsets: readonly PartitionOffsets[]): void {
    const ends = new Map(offsets.map(({ partition, end }) => [partition, end]));
    this.#goal = this.#goal?.map((one) => ({
      ...one,
      end: Math.min(one.end, ends.get(one.partition) ?? one.end),
    }));
  }

  /** True at the moment in which the goal is seen to be reached; false before, and from then on. */
  ends(): boolean {
    if (!this.#goal?.every(({ partition, end }) => this.#nextOf(partition) >= end)) return false;
    this.#goal = undefined;
    this.#hasEverEnded = true;
    return true;
  }
}
