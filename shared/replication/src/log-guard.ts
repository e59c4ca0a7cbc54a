/**
 * The guard: do the positions still lie within the log?
 *
 * It looks at offsets only; whether the records are the same is asked by bookmarks and landmarks when they are read,
 * and the guard says when that is due. A broker that just came back may show an old end for a moment, so only several
 * looks in a row count.
 */
import type { PartitionOffsets } from './change-log.ts';
import { ReplicationError } from './errors.ts';
import { type Position, readingStart, readUpTo, START } from './positions.ts';

/** Looks in a row before a mismatch or an absence counts. */
export const LOOKS = 3;

/** Watches the offsets of one log. */
export class LogGuard {
  readonly #positions: ReadonlyMap<number, Position>;
  readonly #landmarkMs: number;
  #mismatches = 0;
  #landmarksAtMs = Number.NEGATIVE_INFINITY;

  /** `landmarkMs`: time between two looks at the landmarks. */
  constructor(positions: ReadonlyMap<number, Position>, { landmarkMs }: { landmarkMs: number }) {
    this.#positions = positions;
    this.#landmarkMs = landmarkMs;
  }

  /** True while a mismatch is seen that does not count yet. */
  get isInDoubt(): boolean {
    return this.#mismatches > 0;
  }

  /** True when it is time to read the landmarks again; the next time is counted from then on. */
  takeLandmarkTurn(nowMs: number): boolean {
    if (nowMs - this.#landmarksAtMs < this.#landmarkMs) return false;
    this.#landmarksAtMs = nowMs;
    return true;
  }

  /**
   * The offset behind the last record that was read of each partition. To be taken before the log is asked for its
   * offsets: what arrives while the answer is on its way may lie behind the end that it names.
   */
  readSoFar(): ReadonlyMap<number, number> {
    return new Map([...this.#positions].map(([partition, position]) => [partition, readUpTo(position)]));
  }

  /**
   * True when every position lies within the log; `read` is what had been read when it was asked.
   * @throws `log-mismatch` once several looks in a row have found that one does not.
   */
  fits(offsets: readonly PartitionOffsets[], read: ReadonlyMap<number, number>): boolean {
    const problem = this.#problem(offsets, read);
    this.#mismatches = problem === undefined ? 0 : this.#mismatches + 1;
    if (problem === undefined) return true;
    if (this.#mismatches < LOOKS) return false;
    this.#mismatches = 0;
    throw new ReplicationError({
      code: 'log-mismatch',
      message: `The log does not fit what was read of it: ${problem}.`,
      hint: 'The topic was deleted, recreated, truncated, cut by retention or replaced. Nothing was skipped.',
    });
  }

  #problem(offsets: readonly PartitionOffsets[], read: ReadonlyMap<number, number>): string | undefined {
    for (const partition of this.#positions.keys()) {
      if (!offsets.some((one) => one.partition === partition)) {
        return `partition ${partition} is gone, the topic has ${offsets.length}`;
      }
    }
    for (const { partition, low, end } of offsets) {
      const upTo = read.get(partition) ?? 0;
      if (end < upTo) return `partition ${partition} ends at ${end}, but was read up to ${upTo}`;
      const position = this.#positions.get(partition) ?? START;
      if (low > readingStart(position)) {
        return `partition ${partition} starts at ${low}, but is needed from ${readingStart(position)}`;
      }
    }
    return undefined;
  }
}

/** True where the log has everything from its beginning. */
export function isWhole(offsets: readonly PartitionOffsets[]): boolean {
  return offsets.every(({ low }) => low === 0);
}

/**
 * @throws `log-refused` where an empty replica cannot be built from the log alone; `isRetryable` where a peer may
 * still come that gives it a copy.
 */
export function assertWhole(
  offsets: readonly PartitionOffsets[],
  { isRetryable }: { isRetryable: boolean },
): void {
  const cut = offsets.find(({ low }) => low > 0);
  if (!cut) return;
  throw new ReplicationError({
    code: 'log-refused',
    message: `Partition ${cut.partition} of the log starts at ${cut.low}: an empty replica cannot be built from a part of it.`,
    hint: 'Start another replica that has the rows, or load a snapshot.',
    isRetryable,
  });
}
