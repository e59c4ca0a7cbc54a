/**
 * Rounds A B A B …, and the median of each: what slows the machine down for a while slows both down.
 */

/** How often, and what to tell meanwhile. */
export interface Rounds {
  readonly rounds: number;
  readonly onRound?: (round: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs every contender once a round, in the order of the object, which is turned about each time; resolves with the
 * median of each.
 */
export async function interleaved<Name extends string>(
  contenders: Readonly<Record<Name, () => Promise<number>>>,
  { rounds, onRound, signal }: Rounds,
): Promise<Record<Name, number>> {
  const names = Object.keys(contenders) as Name[];
  const values = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    onRound?.(round);
    // Whoever always came second would always find the machine as the other left it.
    for (const name of round % 2 === 1 ? names : names.toReversed()) {
      signal?.throwIfAborted();
      values.get(name)?.push(await contenders[name]());
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(values.get(name) ?? [])])) as Record<
    Name,
    number
  >;
}

/** The middle value; of an even number of them, the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle] ?? Number.NaN;
  return ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** The value that `share` (0..1) of all values do not exceed. NaN for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
