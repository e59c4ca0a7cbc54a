/**
 * What a judge found wrong: counted in full, shown by a few examples.
 */

/** The promises that a run is held to; ARCHITECTURE.md says what each number stands for. */
export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10' | 'I11';

/** One kind of breach with its number and first examples. */
export interface Violation {
  readonly invariant: Invariant;
  /** What is wrong, in a few words that are the same for every case: `lost`, `doubled`, …. */
  readonly kind: string;
  readonly count: number;
  readonly examples: readonly string[];
}

const shownExamples = 5;

/** Collects. */
export class Violations {
  readonly #found = new Map<
    string,
    { invariant: Invariant; kind: string; count: number; examples: string[] }
  >();

  /** Adds one case. */
  add(invariant: Invariant, kind: string, example: string): void {
    const key = `${invariant} ${kind}`;
    const found = this.#found.get(key) ?? { invariant, kind, count: 0, examples: [] };
    this.#found.set(key, found);
    found.count += 1;
    if (found.examples.length < shownExamples) found.examples.push(example);
  }

  /** Cases of one kind, such as `lost`. */
  count(kind: string): number {
    return this.list().reduce((sum, found) => sum + (found.kind === kind ? found.count : 0), 0);
  }

  /** Everything found, by invariant. */
  list(): readonly Violation[] {
    return [...this.#found.values()].sort(
      (a, b) => Number(a.invariant.slice(1)) - Number(b.invariant.slice(1)),
    );
  }
}
