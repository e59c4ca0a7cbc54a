/**
 * The judge of the log: is everything that the replicas hold in it, and nothing of ours that they do not hold?
 *
 * Records arrive one by one. Those that do not verify are strangers' and are counted; genuine ones must be rows that
 * the replicas hold, with the same link.
 */
import type { Chain } from '@dbsync/replication/testing';
import type { HeldRows } from './rows-judge.ts';
import type { Violations } from './violations.ts';

/** A record as it stands in the topic. */
export interface JudgedRecord {
  readonly partition: number;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string>>;
}

interface SeenOrigin {
  readonly seqs: Set<number>;
  readonly partitions: Set<number>;
  /** The seq that a reader in order wants next. */
  next: number;
}

/** Judges the records of a topic. */
export class LogJudge {
  readonly counters = { genuine: 0, strange: 0 };
  readonly #chain: Chain;
  readonly #held: HeldRows;
  readonly #violations: Violations;
  readonly #seen = new Map<string, SeenOrigin>();

  /** `held`: what a replica holds; all hold the same, or that is a violation of its own. */
  constructor(options: { readonly chain: Chain; readonly held: HeldRows; readonly violations: Violations }) {
    this.#chain = options.chain;
    this.#held = options.held;
    this.#violations = options.violations;
  }

  /** Takes the next record of its partition. */
  visit(record: JudgedRecord): void {
    const event = this.#genuine(record);
    if (event === undefined) {
      this.counters.strange += 1;
      return;
    }
    this.counters.genuine += 1;
    const { origin, seq, link } = event;
    const held = this.#held.links.get(origin)?.[seq - 1];
    if (held === undefined) this.#violations.add('I4', 'in the log only', `row ${seq} of ${origin}`);
    else if (held !== link) this.#violations.add('I4', 'forked', `row ${seq} of ${origin}`);
    const seen = this.#seen.get(origin) ?? { seqs: new Set(), partitions: new Set(), next: 1 };
    this.#seen.set(origin, seen);
    seen.seqs.add(seq);
    seen.partitions.add(record.partition);
    if (seq === seen.next) seen.next += 1;
  }

  /**
   * Adds what the log lacks. `cut` says how far each origin was when retention last removed something: up to there it
   * may lack anything. Default: nothing was removed, and nothing may be missing.
   */
  finish({ cut }: { readonly cut?: ReadonlyMap<string, number> | undefined } = {}): void {
    for (const [origin, { seq: last }] of this.#held.vector) {
      const seen = this.#seen.get(origin);
      for (let seq = (cut?.get(origin) ?? 0) + 1; seq <= last; seq += 1) {
        if (!seen?.seqs.has(seq)) this.#violations.add('I4', 'missing in the log', `row ${seq} of ${origin}`);
      }
      if (cut !== undefined || seen?.partitions.size !== 1 || seen.seqs.size < last) continue;
      if (seen.next <= last)
        this.#violations.add('I4', 'out of order', `${origin} ends at ${seen.next - 1} of ${last}`);
    }
  }

  #genuine({ value, headers }: JudgedRecord): { origin: string; seq: number; link: string } | undefined {
    const text = (name: string): string => String(headers[name] ?? '');
    const table = /^([a-z][a-z0-9_]*)\.inserted$/.exec(text('ce_type'))?.[1];
    const [origin, seq, schemaVersion] = [
      text('ce_origin'),
      Number(text('ce_seq')),
      Number(text('ce_schemaversion')),
    ];
    if (value === null || table === undefined || !(seq >= 1 && seq <= 0xffffffff && schemaVersion >= 1))
      return undefined;
    const [previous, link] = [Buffer.from(text('ce_previous'), 'hex'), Buffer.from(text('ce_chain'), 'hex')];
    const row = { origin, seq, schemaVersion, table, bytes: value };
    if (previous.length !== 32) return undefined;
    return this.#chain.verify(link, previous, row)
      ? { origin, seq, link: link.toString('base64') }
      : undefined;
  }
}
