/**
 * The applier: log -> others' rows. It takes one read of one partition at a time.
 *
 *   read -> does it continue? -> plan -> one transaction: rows, origins, stalls, quarantine and position
 *        -> memory follows -> waiting readers and the publisher are told
 *
 * Rows that a peer hands over take the same way, without a position. Whether the log is still the same log is
 * asked in `continuity.ts`, what a record means in `apply-plan.ts`, how a plan is stored in `plan-store.ts`,
 * what is counted and said of it in `apply-tally.ts`.
 */
import { type PlanContext, planFromPeer, planPiece } from './apply-plan.ts';
import { type ApplyCounters, ApplyTally } from './apply-tally.ts';
import { backoffMs, policies } from './backoff.ts';
import type { Chain } from './chain.ts';
import type { ChangeEvent } from './change-event.ts';
import type { LogRead, LogRecord, Onward, PartitionOffsets } from './change-log.ts';
import { Continuity } from './continuity.ts';
import { passCut } from './cut.ts';
import { errorText, isReplicationError, type ReplicationError } from './errors.ts';
import { forgetLog } from './forget-log.ts';
import { describeLogged, isSamePlace, type Logged, NOTHING_LOGGED } from './logged.ts';
import { savePublished } from './origins.ts';
import type { OwnTail } from './own-tail.ts';
import { PlanStore, type PlanStoreOptions } from './plan-store.ts';
import { bookmarkOf, type Position, readUpTo, START } from './positions.ts';
import type { Publisher } from './publisher.ts';
import { ReadAhead } from './read-ahead.ts';
import type { Database } from './sqlite.ts';
import type { Stall } from './stalls.ts';
import type { Surroundings } from './surroundings.ts';
import type { WriteUnit } from './writer.ts';

/** How the applier is put together. */
export interface ApplierOptions extends Omit<PlanStoreOptions, 'observe'> {
  readonly chain: Chain;
  readonly reader: Database['reader'];
  readonly publisher: Publisher;
  readonly own: string;
  readonly ownTail: OwnTail;
  readonly schemaVersion: number;
  readonly world: Surroundings;
}

/** Applies the log to one database. */
export class Applier {
  readonly #options: ApplierOptions;
  readonly #continuity = new Continuity();
  readonly #store: PlanStore;
  readonly #readAhead: ReadAhead;
  readonly #tally: ApplyTally;
  /** What plans and stores does so alone: two plans made from one state would apply a row twice. */
  #turn: Promise<unknown> = Promise.resolve();
  #failures = 0;

  constructor(options: ApplierOptions) {
    this.#options = options;
    this.#readAhead = new ReadAhead(options);
    this.#tally = new ApplyTally(options);
    this.#store = new PlanStore({ ...options, observe: options.world.observe });
  }

  /** What was done in this run. */
  get counters(): ApplyCounters {
    return this.#tally.counters;
  }

  /** Position of a partition: everything below it is applied, proven a duplicate, quarantined or a stall. */
  position(partition: number): Position {
    return this.#options.positions.get(partition) ?? START;
  }

  /** True when every bookmark was seen since reading last began: this is the log that was read before. */
  get isProven(): boolean {
    return [...this.#options.positions].every(
      ([partition, { bookmark }]) => bookmark === null || this.#continuity.isProven(partition),
    );
  }

  /** True until what a stall that ended had let pass was read again: rows that the log has may not be here yet. */
  get isBack(): boolean {
    return [...this.#options.positions.values()].some(({ furthest }) => furthest !== undefined);
  }

  /** Origins that are stalled now. */
  stalls(): Stall[] {
    return [...this.#options.stalls.values()];
  }

  /** Reading (re)starts at this partition: says from where, and demands the bookmark first. */
  startOf(partition: number): number {
    return this.#continuity.restart(partition, this.position(partition));
  }

  /** The landmarks are to be seen again: from now on each partition starts there. The caller lets the reader seek. */
  revisit(offsets: readonly PartitionOffsets[]): void {
    for (const { partition, low } of offsets) {
      this.#continuity.revisit(partition, { position: this.position(partition), low });
    }
  }

  /**
   * Takes one read of one partition.
   * @returns `'seek'` when the partition has to be read again from `startOf`; `'seek all'` when others have to be, too.
   * @throws `log-replaced`, `log-mismatch` when the log is not what was read before; what ends the process.
   */
  applyBatch(read: LogRead): Promise<Onward> {
    return this.#alone(async () => {
      const checked = this.#continuity.check(read, this.position(read.partition));
      if (checked.unread === 'read again') return 'seek';
      const { unread, passedGaps } = checked;
      for (const gap of passedGaps) this.#tally.passedGap({ partition: read.partition, ...gap });
      try {
        const next = await this.#apply(read, unread);
        this.#failures = 0;
        if (next !== 'go on') return next;
        return this.#continuity.advance(read, this.position(read.partition)) ? 'go on' : 'seek';
      } catch (error) {
        if (!isReplicationError(error) || !error.isRetryable) throw error;
        await this.#waitAfter(error);
        return 'seek';
      }
    });
  }

  /**
   * Takes events of one origin from a peer, links verified by the caller. Applies those that fit and says how many;
   * one of a newer schema stalls the origin until the upgrade. When a stall ended, its partition has to be read again.
   */
  applyFromPeer(events: readonly ChangeEvent[]): Promise<{ applied: number; isRewound: boolean }> {
    return this.#alone(async () => {
      const plan = planFromPeer(events, this.#context());
      const applied = plan.rows.length + plan.hidden.length;
      if (applied === 0 && plan.stalls.size === 0) return { applied, isRewound: false };
      const superseded = await this.#store.store(plan, new Map());
      this.#tally.stored(plan, superseded);
      this.#tally.repaired(applied);
      return { applied, isRewound: plan.endedStalls.size > 0 };
    });
  }

  /** What was seen in the log, and where reading stands in it; nothing while it is not proven to be the same log. */
  logged(): Logged {
    const { positions, origins } = this.#options;
    return this.isProven ? describeLogged(positions, origins) : NOTHING_LOGGED;
  }

  /**
   * Learns from a peer that stands at the same place of the same log which rows of `names` were in it, where it is cut
   * and cannot be asked any more. Says how many origins that were.
   */
  learnLogged(seen: Logged, names: readonly string[]): Promise<number> {
    return this.#alone(async () => {
      const { writer, origins, positions } = this.#options;
      // Asked only now: everything may have been forgotten since the peer was asked.
      if (!this.isProven || !isSamePlace(positions, seen.positions)) return 0;
      const learned = names.flatMap((name) => {
        const origin = origins.get(name);
        const published = Math.min(origin?.seq ?? 0, seen.published[name] ?? 0);
        return origin && published > origin.published ? [{ ...origin, published }] : [];
      });
      if (learned.length === 0) return 0;
      await writer.submit({
        async write(connection) {
          for (const origin of learned) await savePublished(connection, origin);
          return () => {
            for (const origin of learned) origins.set(origin);
          };
        },
      });
      return learned.length;
    });
  }

  /**
   * Starts over: every partition is read again from its start, duplicates dropped, and nothing counts as published
   * until it was read. `lows`: first offset of each partition.
   */
  startOver(lows: ReadonlyMap<number, number>): Promise<void> {
    const { topic, origins, positions, stalls } = this.#options;
    return this.#readAnew(() => forgetLog({ topic, lows, origins, positions, stalls }));
  }

  /** Goes on behind what retention has cut of the log that was read before. `lows`: first offset of each partition. */
  passCut(lows: ReadonlyMap<number, number>): Promise<void> {
    const { topic, positions } = this.#options;
    return this.#readAnew(() => passCut({ topic, lows, positions }));
  }

  async #apply(read: LogRead, records: readonly LogRecord[]): Promise<Onward> {
    const { publisher, world } = this.#options;
    const { partition } = read;
    const before = this.position(partition);
    if (read.next <= before.next) return 'go on';
    const plan = await planPiece({ partition, position: before, records }, this.#context());
    const last = records.findLast((record) => !record.isMarker && !record.unreadable);
    const bookmark = last ? bookmarkOf(last) : before.bookmark;
    const landmark = this.#continuity.landmark(partition) ?? bookmark ?? undefined;
    const furthest = readUpTo(before) > read.next ? before.furthest : undefined;
    const after: Position = { next: read.next, bookmark, landmark, furthest };
    await world.observe('apply:planned');
    const storing = this.#store.store(plan, new Map([[partition, after]]));
    const superseded = await this.#whileReading(read.ahead ?? [], storing);
    this.#tally.stored(plan, superseded);
    await world.observe('apply:after-commit');
    for (const { name, published } of plan.origins.values()) publisher.readBack(name, published);
    for (const name of plan.lost) publisher.publishAgain(name);
    publisher.passed(partition, read.next);
    // What a stall had let pass may lie in any partition.
    return plan.endedStalls.size > 0 ? 'seek all' : 'go on';
  }

  /** Waits for what is being stored and reads meanwhile what comes after it. */
  async #whileReading<T>(ahead: readonly LogRecord[], storing: Promise<T>): Promise<T> {
    let isStored = false;
    const reading = this.#readAhead.look(ahead, () => isStored);
    try {
      return await storing;
    } finally {
      isStored = true;
      await reading;
    }
  }

  #context(): PlanContext {
    const { topic, history, origins, stalls, reader, own, ownTail, schemaVersion, world } = this.#options;
    const now = new Date(world.clock.now()).toISOString();
    const readAhead = this.#readAhead;
    return { readAhead, topic, history, origins, stalls, reader, own, ownTail, schemaVersion, now };
  }

  /** Moves positions, and has everything proven again from there. `unit` is made in turn, from what is stored by then. */
  #readAnew(unit: () => WriteUnit<void>): Promise<void> {
    return this.#alone(async () => {
      await this.#options.writer.submit(unit());
      this.#continuity.forget();
    });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #waitAfter(error: ReplicationError): Promise<void> {
    const { clock, logger, random } = this.#options.world;
    this.#failures += 1;
    const fields = { error: errorText(error) };
    if (this.#failures === 1) logger.warn(fields, 'applying waits: the database is not writable');
    await new Promise<void>((resolve) => {
      clock.after(backoffMs(policies.apply, this.#failures, random), resolve);
    });
  }
}
