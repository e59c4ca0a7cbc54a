/**
 * The publisher: own rows -> log. One append is in flight at a time.
 *
 *   origin:  idle --rows above `acknowledged`--> appending --ok--> acknowledged --read back in order--> published
 *                                                   |                  |
 *                                                   +--error--> backing off, then again from `acknowledged`
 *                                                                      +--log lost it--> again from `published`
 *
 * What is to publish is a query: rows of origins minted in this directory above what is acknowledged. What earlier
 * runs left behind goes first, each origin with a backoff of its own. The acknowledgement counts in memory only;
 * `published` is moved by the applier when it reads the rows back.
 */
import { BatchSize } from './batch-size.ts';
import type { Chain } from './chain.ts';
import { encodeEvent } from './change-event.ts';
import type { ChangeLog } from './change-log.ts';
import { errorText, isReplicationError, type ReplicationError } from './errors.ts';
import type { History, StoredEvent } from './history.ts';
import type { NextStep } from './loop.ts';
import { Milestones } from './milestones.ts';
import { nextPiece } from './next-piece.ts';
import type { Origin, Origins } from './origins.ts';
import { type Acknowledgement, Outgoing, type TooLargeRow } from './outgoing.ts';
import type { OwnTail } from './own-tail.ts';
import { pinnedPartition } from './pinned-partition.ts';
import type { Database } from './sqlite.ts';
import type { Surroundings } from './surroundings.ts';
import { isFinal, type Writer } from './writer.ts';

/** How the publisher is put together. */
export interface PublisherOptions {
  readonly log: ChangeLog;
  readonly cluster: string;
  readonly chain: Chain;
  readonly reader: Database['reader'];
  readonly history: History;
  readonly origins: Origins;
  readonly ownTail: OwnTail;
  readonly writer: Writer;
  readonly world: Surroundings;
  /** Seq by origin up to which a log of before had the rows. */
  readonly acknowledgedBefore: ReadonlyMap<string, number>;
  /** Rows of one append at most. */
  readonly maxRows: number;
  /** Value bytes of one append at most. */
  readonly maxBytes: number;
  /** Callers that may wait for an acknowledgement. */
  readonly maxWaiters: number;
}

/** Publishes the rows minted in this directory. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #batchSize: BatchSize;
  readonly #outgoing = new Map<string, Outgoing>();
  readonly #acknowledgedRows: Milestones;
  /** Highest row of each origin that some log has acknowledged: what counts as never acknowledged is above it. */
  readonly #everAcknowledged: Map<string, number>;
  /** Origins of other directories that this replica publishes, because nobody else does. */
  readonly #adopted = new Set<string>();
  /** Counts pauses: an acknowledgement of an append from before the last one proves nothing any more. */
  #era = 0;
  #partitions = 0;
  #isLogReachable = false;
  #republished = 0;

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#everAcknowledged = new Map(options.acknowledgedBefore);
    this.#batchSize = new BatchSize({ rows: options.maxRows, bytes: options.maxBytes });
    this.#acknowledgedRows = new Milestones({ clock: options.world.clock, maxWaiters: options.maxWaiters });
  }

  /** False while the last attempt to append failed, and before the first contact. */
  get isLogReachable(): boolean {
    return this.#isLogReachable;
  }

  /** True from `connected` on, until the log is gone or another one. */
  get isConnected(): boolean {
    return this.#partitions > 0;
  }

  /** Times that rows had to be published again because the log had lost them. */
  get republished(): number {
    return this.#republished;
  }

  /** Rows minted here that no log has acknowledged, as far as is known. */
  unacknowledged(): number {
    return this.#options.origins.pending().reduce((sum, origin) => {
      const acknowledged = Math.max(
        this.#stateOf(origin).acknowledged,
        this.#everAcknowledged.get(origin.name) ?? 0,
      );
      return sum + Math.max(0, origin.seq - acknowledged);
    }, 0);
  }

  /** Rows minted here that were not yet read back from the log. */
  unpublished(): number {
    return this.#options.origins.pending().reduce((sum, origin) => sum + origin.seq - origin.published, 0);
  }

  /** Rows that the broker finds too large; each holds up what is behind it of its origin. */
  tooLarge(): (TooLargeRow & { readonly origin: string })[] {
    return [...this.#outgoing].flatMap(([origin, { tooLarge }]) => (tooLarge ? { origin, ...tooLarge } : []));
  }

  /** The log was opened and has this many partitions. */
  connected(partitions: number): void {
    this.#partitions = partitions;
    this.#isLogReachable = true;
    this.#batchSize.forget();
  }

  /** Publishes the rows of an origin that was not minted here, until the log is known to hold them. */
  adopt(name: string): void {
    this.#adopted.add(name);
  }

  /** True from `adopt` on, until the log is another one. */
  hasAdopted(name: string): boolean {
    return this.#adopted.has(name);
  }

  /** Publishes nothing, and forgets what the log has acknowledged: it is not the log that it was. */
  pause(): void {
    for (const { name, published } of this.#options.origins.list()) {
      this.#everAcknowledged.set(name, Math.max(published, this.#everAcknowledged.get(name) ?? 0));
    }
    this.#era += 1;
    this.#partitions = 0;
    this.#outgoing.clear();
    this.#adopted.clear();
  }

  /** The log does not answer: nothing is tried before `connected`, as another log may be there then. */
  disconnected(): void {
    this.#partitions = 0;
    this.#isLogReachable = false;
  }

  /** Resolves true once the log has acknowledged row `seq` of `origin`, false after `timeoutMs`. */
  async acknowledged(place: { origin: string; seq: number }, timeoutMs: number): Promise<boolean> {
    const origin = this.#options.origins.get(place.origin);
    if (origin && this.#stateOf(origin).acknowledged >= place.seq) return true;
    return this.#acknowledgedRows.wait(place.origin, place.seq, timeoutMs);
  }

  /** Publishes one batch of one origin, if there is any and the log is there. */
  async publishOnce(): Promise<NextStep> {
    if (this.#partitions === 0) return Number.POSITIVE_INFINITY;
    const now = this.#options.world.clock.monotonic();
    const waiting = this.#options.origins
      .lackedByLog()
      .filter(({ isMinted, name }) => isMinted || this.#adopted.has(name))
      .filter((origin) => origin.seq > this.#stateOf(origin).acknowledged);
    const due = waiting.find((origin) => this.#stateOf(origin).retryAtMs <= now);
    if (due) {
      await this.#publish(due);
      return 0;
    }
    return Math.min(
      Number.POSITIVE_INFINITY,
      ...waiting.map((origin) => Math.max(1, this.#stateOf(origin).retryAtMs - now)),
    );
  }

  /** Something new was read back, up to `seq`: the applier has stored it. */
  readBack(name: string, seq: number): void {
    this.#options.ownTail.readBack(name, seq);
    const state = this.#outgoing.get(name);
    if (!state) return;
    state.readBack(seq);
    this.#acknowledge(name, seq);
  }

  /** The applier has passed everything of a partition below `next`: what was acknowledged there must have been seen. */
  passed(partition: number, next: number): void {
    this.#publishLost((one) => one.partition === partition && one.lastOffset < next);
  }

  /** The partition ended at `end` when asked at `askedAtMs`: what was acknowledged there before must lie below. */
  ends(partition: number, end: number, askedAtMs: number): void {
    this.#publishLost((one) => one.partition === partition && one.lastOffset >= end && one.atMs < askedAtMs);
  }

  /** The log lacks something of this origin: go back to what was read back from it. */
  publishAgain(name: string): void {
    const origin = this.#options.origins.get(name);
    const state = this.#outgoing.get(name);
    if (!origin || !state || state.acknowledged <= origin.published) return;
    this.#republished += 1;
    this.#options.world.logger.warn(
      { origin: name, published: origin.published, acknowledged: state.acknowledged },
      'the log lost rows that it had acknowledged; publishing them again',
    );
    const { clock, random } = this.#options.world;
    state.goBack(origin.published, { nowMs: clock.monotonic(), random });
  }

  /** Publishes nothing more and ends all waits for acknowledgements. */
  stop(): void {
    this.#partitions = 0;
    this.#isLogReachable = false;
    this.#acknowledgedRows.giveUp();
  }

  async #publish(origin: Origin): Promise<void> {
    const { log, world, writer, origins, cluster } = this.#options;
    const state = this.#stateOf(origin);
    const { returns } = state;
    const era = this.#era;
    const partitions = this.#partitions;
    let events: StoredEvent[] = [];
    try {
      const { acknowledged: after } = state;
      events = await nextPiece(this.#options, { origin, after, bounds: this.#batchSize.bounds });
      const last = events.at(-1);
      if (!last) return;
      const partition = await pinnedPartition(origin, { writer, origins, partitions });
      await world.observe('publish:before-append');
      // The log may have gone while the rows were read: the one that answers next has to be proven first.
      if (era !== this.#era || !this.isConnected) return;
      const { lastOffset } = await log.append(
        partition,
        events.map((event) => encodeEvent(event, { cluster, ...event })),
      );
      await world.observe('publish:after-append');
      if (era !== this.#era) return;
      this.#isLogReachable = true;
      state.succeeded();
      this.#acknowledge(origin.name, last.seq);
      if (returns !== state.returns) return;
      state.acknowledge({ partition, lastOffset, seq: last.seq, atMs: world.clock.monotonic() });
    } catch (error) {
      this.#backOff(origin, state, { error, events });
    }
  }

  #publishLost(isMissing: (one: Acknowledgement) => boolean): void {
    for (const { name, published } of this.#options.origins.lackedByLog()) {
      if (this.#outgoing.get(name)?.lacks(published, isMissing)) this.publishAgain(name);
    }
  }

  #backOff(
    origin: Origin,
    state: Outgoing,
    failed: { error: unknown; events: readonly StoredEvent[] },
  ): void {
    const { clock, logger, random } = this.#options.world;
    if (!isReplicationError(failed.error)) throw failed.error;
    if (isReplicationError(failed.error, 'event-too-large') && failed.events.length > 1) {
      this.#batchSize.refused(failed.events.reduce((sum, { bytes }) => sum + bytes.length, 0));
      const { bytes } = this.#batchSize.bounds;
      logger.info({ bytes }, 'the broker refuses appends of this size; smaller ones are made');
      return;
    }
    if (isFinal(failed.error)) throw failed.error;
    const [row] = failed.events;
    if (isReplicationError(failed.error, 'event-too-large') && row) {
      this.#refused(row, state, failed.error);
      return;
    }
    this.#isLogReachable &&= !isReplicationError(failed.error, 'log-unreachable');
    const failures = state.failed({ nowMs: clock.monotonic(), random });
    const fields = {
      origin: origin.name,
      rows: failed.events.length,
      failures,
      error: errorText(failed.error),
    };
    if (failures === 1) logger.warn(fields, 'publishing failed; the rows stay here and are tried again');
    else logger.debug(fields, 'publishing failed again');
  }

  #refused({ origin, seq, bytes }: StoredEvent, state: Outgoing, { code, hint }: ReplicationError): void {
    const { clock, logger, random } = this.#options.world;
    const row = { seq, bytes: bytes.length };
    if (!state.refused(row, { nowMs: clock.monotonic(), random })) return;
    logger.error(
      { code, origin, ...row, hint },
      'the broker finds a row too large; it and what is behind it of its origin wait here',
    );
  }

  #acknowledge(name: string, seq: number): void {
    this.#everAcknowledged.set(name, Math.max(seq, this.#everAcknowledged.get(name) ?? 0));
    this.#acknowledgedRows.reached(name, seq);
  }

  #stateOf(origin: Origin): Outgoing {
    let state = this.#outgoing.get(origin.name);
    if (!state) {
      state = new Outgoing({ acknowledged: origin.published });
      this.#outgoing.set(origin.name, state);
    }
    return state;
  }
}
