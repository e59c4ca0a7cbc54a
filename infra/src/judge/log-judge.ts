/**
 * The judge of the log: is everything that the replicas hold in it, and nothing of ours that they do not hold?
 *
 * Records arrive one by one. Those that do not verify are strangers' and are counted; genuine ones must be rows that
 * the replicas hold, with the same link.
 */
import type { Chain } from '@dbsync/replication/testing';
import { CutRows } from './cut-rows.ts';
import { genuineEvent, type JudgedRecord } from './genuine-event.ts';
import type { HeldRows } from './rows-judge.ts';
import type { Violations } from './violations.ts';

interface SeenOrigin {
  readonly seqs: Set<number>;
  readonly partitions: Set<number>;
  /** The seq that a reader in order wants next; it begins behind the rows that retention took. */
  next: number;
}

/** Judges the records of a topic. */
export class LogJudge {
  readonly counters = { genuine: 0, strange: 0 };
  readonly #chain: Chain;
  readonly #held: HeldRows;
  readonly #cut: CutRows;
  readonly #violations: Violations;
  readonly #seen = new Map<string, SeenOrigin>();

  /**
   * `held`: what a replica holds; all hold the same, or that is a violation of its own. `cut`: what retention took, and
   * nothing else may be missing. Default: nothing.
   */
  constructor(options: {
    readonly chain: Chain;
    readonly held: HeldRows;
    readonly cut?: CutRows | undefined;
    readonly violations: Violations;
  }) {
    this.#chain = options.chain;
    this.#held = options.held;
    this.#cut = options.cut ?? new CutRows();
    this.#violations = options.violations;
  }

  /** Takes the next record of its partition. */
  visit(record: JudgedRecord): void {
    const event = genuineEvent(this.#chain, record);
    if (event === undefined) {
      this.counters.strange += 1;
      return;
    }
    this.counters.genuine += 1;
    const { origin, seq, link } = event;
    const held = this.#held.links.get(origin)?.[seq - 1];
    if (held === undefined) this.#violations.add('I4', 'in the log only', `row ${seq} of ${origin}`);
    else if (held !== link) this.#violations.add('I4', 'forked', `row ${seq} of ${origin}`);
    const next = this.#cut.prefix(origin) + 1;
    const seen = this.#seen.get(origin) ?? { seqs: new Set(), partitions: new Set(), next };
    this.#seen.set(origin, seen);
    seen.seqs.add(seq);
    seen.partitions.add(record.partition);
    if (seq === seen.next) seen.next += 1;
  }

  /** Adds what the log lacks, and what a reader that begins with it could not follow. */
  finish(): void {
    for (const [origin, { seq: last }] of this.#held.vector) {
      const seen = this.#seen.get(origin);
      let missing = 0;
      for (let seq = this.#cut.prefix(origin) + 1; seq <= last; seq += 1) {
        if (seen?.seqs.has(seq) || this.#cut.has(origin, seq)) continue;
        missing += 1;
        this.#violations.add('I4', 'missing in the log', `row ${seq} of ${origin}`);
      }
      if (missing > 0 || seen?.partitions.size !== 1) continue;
      if (seen.next <= last)
        this.#violations.add('I4', 'out of order', `${origin} ends at ${seen.next - 1} of ${last}`);
    }
  }
}
