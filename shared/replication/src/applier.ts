/**
 * The applier: log -> others' rows. It takes one read of one partition at a time.
 *
 *   read -> does it continue? -> bookmark seen first? -> plan -> one transaction: rows, origins, stalls,
 *        quarantine and position -> memory follows -> waiting readers are told
 *
 * A partition's cursor is `unproven` after every start of reading: the record at the bookmark must be the one
 * remembered. Then it is `proven`, and each read must start where the last one ended. Anything else is never
 * skipped: it is `log-mismatch`, and the guard decides.
 */
import { planPiece } from './apply-plan.ts';
import { backoffMs, policies } from './backoff.ts';
import type { Chain } from './chain.ts';
import type { LogRead, LogRecord } from './change-log.ts';
import { errorText, isReplicationError, ReplicationError } from './errors.ts';
import type { History } from './history.ts';
import type { Milestones } from './milestones.ts';
import { type Origins, saveApplied, savePublished } from './origins.ts';
import { bookmarkOf, isBookmarked, type Position, readingStart, START, savePosition } from './positions.ts';
import type { Publisher } from './publisher.ts';
import { saveQuarantined } from './quarantine.ts';
import type { Connection, Database } from './sqlite.ts';
import { deleteStall, type Stall, saveStall } from './stalls.ts';
import type { Surroundings } from './surroundings.ts';
import type { Writer } from './writer.ts';

/** What the applier has done in this run. */
export interface ApplierCounters {
  applied: number;
  duplicates: number;
  echoes: number;
  quarantined: number;
  hidden: number;
  superseded: number;
  stalls: number;
  /** Offsets without a record that two fresh reads agreed on. */
  passedGaps: number;
}

/** How the applier is put together. */
export interface ApplierOptions {
  readonly topic: string;
  readonly chain: Chain;
  readonly history: History;
  readonly origins: Origins;
  readonly reader: Database['reader'];
  readonly writer: Writer;
  readonly publisher: Publisher;
  readonly own: string;
  readonly schemaVersion: number;
  readonly positions: Map<number, Position>;
  readonly stalls: Map<string, Stall>;
  /** Told of every origin that moved. */
  readonly arrivals: Milestones;
  readonly world: Surroundings;
}

/** Fresh reads after which a read that does not continue counts as a log that does not fit. */
const MAX_STRANGE_READS = 5;

interface Cursor {
  /** Offset that the next read must start at. */
  from: number;
  isProven: boolean;
  /** Offsets without a record that the last read showed, to be confirmed by a fresh one. */
  gap: { readonly at: number; readonly next: number } | undefined;
  strangeReads: number;
}

/** Applies the log to one database. */
export class Applier {
  readonly counters: ApplierCounters = {
    applied: 0,
    duplicates: 0,
    echoes: 0,
    quarantined: 0,
    hidden: 0,
    superseded: 0,
    stalls: 0,
    passedGaps: 0,
  };
  readonly #options: ApplierOptions;
  readonly #cursors = new Map<number, Cursor>();
  #failures = 0;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  /** Position of a partition: everything below it is applied, proven a duplicate, quarantined or a stall. */
  position(partition: number): Position {
    return this.#options.positions.get(partition) ?? START;
  }

  /** Origins that are stalled now. */
  stalls(): Stall[] {
    return [...this.#options.stalls.values()];
  }

  /** Reading (re)starts at this partition: says from where, and demands the bookmark first. */
  startOf(partition: number): number {
    const position = this.position(partition);
    const cursor = this.#cursor(partition);
    cursor.from = readingStart(position);
    cursor.isProven = position.bookmark === null;
    return cursor.from;
  }

  /**
   * Takes one read of one partition.
   * @returns `'seek'` when the partition has to be read again from `startOf`.
   * @throws `log-mismatch` when the log is not the one that was read before; what ends the process.
   */
  async applyBatch(read: LogRead): Promise<'go on' | 'seek'> {
    const cursor = this.#cursor(read.partition);
    if (read.from !== cursor.from) return this.#strange(read, cursor);
    const position = this.position(read.partition);
    const records = cursor.isProven ? read.records : this.#afterBookmark(read, position);
    if (records.some((record) => record.offset < position.next && !record.isMarker)) {
      throw mismatch(
        `partition ${read.partition} holds a record below offset ${position.next} that was not there before`,
      );
    }
    cursor.isProven = true;
    cursor.strangeReads = 0;
    const unread = records.filter((record) => record.offset >= position.next);
    const gap = firstGap(unread, position.next, read.next);
    if (gap && !this.#isConfirmed(gap, cursor)) return 'seek';
    try {
      const next = await this.#apply(read, unread);
      this.#failures = 0;
      if (next === 'go on') cursor.from = read.next;
      return next;
    } catch (error) {
      if (!isReplicationError(error) || !error.isRetryable) throw error;
      await this.#waitAfter(error);
      return 'seek';
    }
  }

  async #apply(read: LogRead, records: readonly LogRecord[]): Promise<'go on' | 'seek'> {
    const { topic, chain, history, origins, stalls, reader, own, schemaVersion, world } = this.#options;
    const { partition } = read;
    const before = this.position(partition);
    if (read.next <= before.next) return 'go on';
    const plan = await planPiece(
      { partition, position: before, records },
      {
        topic,
        chain,
        history,
        origins,
        stalls,
        reader,
        own,
        schemaVersion,
        now: new Date(world.clock.now()).toISOString(),
      },
    );
    const last = records.findLast((record) => !record.isMarker);
    const after: Position = { next: read.next, bookmark: last ? bookmarkOf(last) : before.bookmark };
    const moves = movesOf(plan.endedStalls.values(), new Map([[partition, after]]), (p) => this.position(p));
    await world.observe('apply:planned');

    const write = async (connection: Connection, isCareful: boolean): Promise<number> => {
      const moved = [...plan.origins.values()].filter(
        (origin) => origin.seq > (origins.get(origin.name)?.seq ?? 0),
      );
      await saveApplied(connection, moved);
      for (const origin of plan.origins.values())
        if (origin.isMinted) await savePublished(connection, origin);
      const superseded = isCareful ? await history.insertFitting(connection, plan.rows) : 0;
      if (!isCareful) await history.insert(connection, plan.rows);
      await history.hide(connection, plan.hidden);
      await world.observe('apply:rows-inserted');
      for (const name of plan.endedStalls.keys()) await deleteStall(connection, name);
      for (const stall of plan.stalls.values()) await saveStall(connection, topic, stall);
      await saveQuarantined(connection, plan.quarantined);
      for (const [p, position] of moves) await savePosition(connection, { topic, partition: p }, position);
      await world.observe('apply:before-commit');
      return superseded;
    };
    const remember = (superseded: number): void => {
      for (const staged of plan.origins.values()) {
        const current = origins.get(staged.name);
        const isMoved = staged.seq > (current?.seq ?? 0);
        origins.set(
          current && !isMoved ? { ...current, published: staged.published } : { ...current, ...staged },
        );
        this.#options.arrivals.reached(staged.name, staged.seq);
        if (staged.isMinted) this.#options.publisher.readBack(staged.name, staged.published);
      }
      for (const name of plan.endedStalls.keys()) stalls.delete(name);
      for (const stall of plan.stalls.values()) stalls.set(stall.origin, stall);
      for (const [p, position] of moves) this.#options.positions.set(p, position);
      this.#count(plan, superseded);
    };
    await this.#submit(write, remember);
    await world.observe('apply:after-commit');
    for (const name of plan.lost) this.#options.publisher.publishAgain(name);
    this.#options.publisher.passed(partition, read.next);
    const isRewound = plan.endedStalls.size > 0;
    return isRewound ? 'seek' : 'go on';
  }

  /** Two rows with one key are rare: the quick way first, the careful one only where it was refused. */
  async #submit(
    write: (connection: Connection, isCareful: boolean) => Promise<number>,
    remember: (superseded: number) => void,
  ): Promise<void> {
    const unit = (isCareful: boolean) => ({
      write: async (connection: Connection) => {
        const superseded = await write(connection, isCareful);
        return () => remember(superseded);
      },
    });
    try {
      await this.#options.writer.submit(unit(false));
    } catch (error) {
      if (!isReplicationError(error, 'key-taken')) throw error;
      await this.#options.writer.submit(unit(true));
    }
  }

  #count(plan: Awaited<ReturnType<typeof planPiece>>, superseded: number): void {
    const { logger } = this.#options.world;
    this.counters.applied += plan.rows.length + plan.hidden.length;
    this.counters.duplicates += plan.duplicates;
    this.counters.echoes += plan.echoes;
    this.counters.hidden += plan.hidden.length;
    this.counters.quarantined += plan.quarantined.length;
    this.counters.superseded += superseded;
    this.counters.stalls += plan.stalls.size;
    for (const { partition, record, reason } of plan.quarantined.slice(0, 3)) {
      logger.error({ partition, offset: record.offset, reason }, 'a record was put into quarantine');
    }
    for (const { event, reason } of plan.hidden.slice(0, 3)) {
      logger.error(
        { origin: event.origin, seq: event.seq, reason },
        'a row is kept but hidden: this build refuses it',
      );
    }
    for (const { origin, reason } of plan.stalls.values()) {
      logger.warn({ origin, reason }, 'an origin is stalled; the others go on');
    }
    for (const origin of plan.endedStalls.keys()) logger.info({ origin }, 'a stalled origin goes on');
  }

  /** The first record must be the bookmarked one; gives what follows it. */
  #afterBookmark(read: LogRead, { bookmark }: Position): readonly LogRecord[] {
    const [first, ...rest] = read.records;
    if (!bookmark) return read.records;
    if (!first || !isBookmarked(first, bookmark)) {
      throw mismatch(
        `partition ${read.partition} does not hold the record at offset ${bookmark.offset} that was read before`,
      );
    }
    return rest;
  }

  /** A read from elsewhere: left over from before a seek, or a consumer that reset itself. Ask again, a few times. */
  #strange(read: LogRead, cursor: Cursor): 'seek' {
    cursor.strangeReads += 1;
    if (cursor.strangeReads > MAX_STRANGE_READS) {
      throw mismatch(
        `partition ${read.partition} was asked for offset ${cursor.from} and answered from ${read.from}, ${MAX_STRANGE_READS} times`,
      );
    }
    return 'seek';
  }

  /** True when a fresh read shows the same gap again, with the bookmark in its place. */
  #isConfirmed(gap: { at: number; next: number }, cursor: Cursor): boolean {
    const isConfirmed = cursor.gap?.at === gap.at && cursor.gap.next === gap.next;
    cursor.gap = isConfirmed ? undefined : gap;
    if (isConfirmed) {
      this.counters.passedGaps += 1;
      this.#options.world.logger.warn(gap, 'offsets without a record were passed: two fresh reads agree');
    }
    return isConfirmed;
  }

  async #waitAfter(error: ReplicationError): Promise<void> {
    const { clock, logger, random } = this.#options.world;
    this.#failures += 1;
    if (this.#failures === 1)
      logger.warn({ error: errorText(error) }, 'applying waits: the database is not writable');
    await new Promise<void>((resolve) => {
      clock.after(backoffMs(policies.apply, this.#failures, random), resolve);
    });
  }

  #cursor(partition: number): Cursor {
    let cursor = this.#cursors.get(partition);
    if (!cursor) {
      cursor = { from: 0, isProven: false, gap: undefined, strangeReads: 0 };
      this.#cursors.set(partition, cursor);
    }
    return cursor;
  }
}

/** The first stretch of offsets below `next` that has neither record nor marker, if there is one. */
function firstGap(
  records: readonly LogRecord[],
  from: number,
  next: number,
): { at: number; next: number } | undefined {
  let expected = from;
  for (const { offset } of records) {
    if (offset > expected) return { at: expected, next: offset };
    expected = offset + 1;
  }
  return expected < next ? { at: expected, next } : undefined;
}

/** New positions: the end of what was read, but not beyond the first event of a stall that ends. */
function movesOf(
  ended: Iterable<Stall>,
  moves: Map<number, Position>,
  current: (partition: number) => Position,
): Map<number, Position> {
  for (const { partition, position } of ended) {
    const planned = moves.get(partition) ?? current(partition);
    if (position.next < planned.next) moves.set(partition, position);
  }
  return moves;
}

function mismatch(what: string): ReplicationError {
  return new ReplicationError({
    code: 'log-mismatch',
    message: `The log is not the one that was read before: ${what}.`,
    hint: 'Nothing was skipped. The topic was deleted, recreated, truncated or replaced.',
  });
}
