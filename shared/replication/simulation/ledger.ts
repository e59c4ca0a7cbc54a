/**
 * The ledger: what clients attempted, what they were told, and what could not be kept by anybody.
 *
 * It is written outside the cluster and believes nothing of it. A row is excused only when a fault has taken its
 * last copy: the disk that held it and the log together.
 */
import type { Row } from '../src/table.ts';
import type { Holding } from './holding.ts';
import type { Violation } from './violation.ts';

/** One row that a client tried to store. */
export interface Attempt {
  readonly id: string;
  readonly machine: string;
  readonly row: Row;
  /** `open`: nobody told the client; it is stored or not. */
  outcome: 'open' | 'acknowledged' | 'refused';
  /** Known once it was acknowledged. */
  place: { readonly origin: string; readonly seq: number } | undefined;
  /** The fault that took its last copy. */
  excuse: string | undefined;
}

/** Of each origin, how many rows somebody can still give. */
export type Recoverable = ReadonlyMap<string, number>;

/** Seqs by origin, as they stand in the log. */
export type LoggedRows = ReadonlyMap<string, ReadonlySet<number>>;

/** What directories and log can give together: the longest prefix of each origin. */
export function recoverableFrom(holdings: readonly Holding[], logged: LoggedRows): Recoverable {
  const recoverable = new Map<string, number>();
  for (const { name, seq } of holdings.flatMap(({ origins }) => origins)) {
    recoverable.set(name, Math.max(seq, recoverable.get(name) ?? 0));
  }
  for (const [name, seqs] of logged) {
    let last = recoverable.get(name) ?? 0;
    while (seqs.has(last + 1)) last += 1;
    recoverable.set(name, last);
  }
  return recoverable;
}

/** All attempts of a history. */
export class Ledger {
  readonly attempts: Attempt[] = [];

  /** Writes down an attempt before it is made. */
  attempt(about: { id: string; machine: string; row: Row }): Attempt {
    const attempt: Attempt = { ...about, outcome: 'open', place: undefined, excuse: undefined };
    this.attempts.push(attempt);
    return attempt;
  }

  /** Acknowledged rows that nobody can give any more although nothing excuses it. */
  lost(recoverable: Recoverable): Violation[] {
    return this.#gone(recoverable).map(({ id, place }) => ({
      rule: 'I1',
      what: `row ${id} was acknowledged (${place?.origin}:${place?.seq}) and is nowhere any more`,
    }));
  }

  /** A fault has taken what is not recoverable now. */
  excuse(recoverable: Recoverable, fault: string): void {
    for (const attempt of this.#gone(recoverable)) attempt.excuse = fault;
  }

  #gone(recoverable: Recoverable): Attempt[] {
    return this.attempts.filter(({ excuse, place }) => {
      if (!place || excuse !== undefined) return false;
      return place.seq > (recoverable.get(place.origin) ?? 0);
    });
  }
}
