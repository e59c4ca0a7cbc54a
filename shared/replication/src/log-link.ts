/**
 * The link to the log: connects, asks the guard's questions, keeps one reader running, and says how far it is.
 *
 *   starting --log opened--> bootstrapping (was empty) or catching-up --end seen at the start reached--> live
 *   starting --log away, but this replica has data--> live (lag unknown)
 *   any -----log is not the one that was read before--> stopped
 *
 * A broker that goes away changes no state: reading resumes when it is back. A consumer that broke or stands
 * still is replaced by a fresh one.
 */
import type { ReplicaState } from './announcement.ts';
import type { Applier } from './applier.ts';
import { backoffMs, policies } from './backoff.ts';
import type { ChangeLog, Following, LogRead, PartitionOffsets } from './change-log.ts';
import { errorText, isReplicationError, ReplicationError } from './errors.ts';
import type { LagMeter } from './lag.ts';
import type { NextStep } from './loop.ts';
import { readingStart } from './positions.ts';
import type { Publisher } from './publisher.ts';
import type { Surroundings } from './surroundings.ts';

/** How the link is put together. */
export interface LogLinkOptions {
  readonly log: ChangeLog;
  readonly applier: Applier;
  readonly publisher: Publisher;
  readonly lag: LagMeter;
  readonly world: Surroundings;
  /** True when this directory held nothing at the start. */
  readonly isEmpty: boolean;
  /** Partitions with a stored position. */
  readonly knownPartitions: readonly number[];
  /** Time without progress below the end after which the reader is replaced, in milliseconds. */
  readonly standstillMs: number;
  /** There may be something to publish now. */
  readonly wakePublisher: () => void;
  /** The process has to end. */
  readonly failed: (error: unknown) => void;
}

/** Time between two looks at the ends of the log. */
const WATCH_MS = 1000;

/** Looks in a row before a mismatch or an absence counts: a broker that just came back may show an old end, or none. */
const LOOKS = 3;

/** One replica's link to the log. */
export class LogLink {
  readonly #options: LogLinkOptions;
  #state: ReplicaState = 'starting';
  #stopReason: ReplicationError | undefined;
  #partitions = 0;
  #following: Following | undefined;
  #isFollowing = false;
  #goal: readonly PartitionOffsets[] | undefined;
  #hasCaughtUp = false;
  #isReachable = false;
  #failures = 0;
  #mismatches = 0;
  #progress = { sum: -1, atMs: 0 };
  #readersReplaced = 0;
  #isStopping = false;
  #taking: Promise<unknown> = Promise.resolve();

  constructor(options: LogLinkOptions) {
    this.#options = options;
  }

  /** What the replica is doing. */
  get state(): ReplicaState {
    return this.#state;
  }

  /** Why the state is `stopped`. */
  get stopReason(): ReplicationError | undefined {
    return this.#stopReason;
  }

  /** True once everything that the log held at the first contact was applied. */
  get hasCaughtUp(): boolean {
    return this.#hasCaughtUp;
  }

  /** False while the broker does not answer. */
  get isReachable(): boolean {
    return this.#isReachable;
  }

  /** Readers replaced because they broke or stood still. */
  get readersReplaced(): number {
    return this.#readersReplaced;
  }

  /** Partitions of the topic; 0 before the first contact. */
  get partitions(): number {
    return this.#partitions;
  }

  /** Connects, follows or looks, whichever is next. */
  async step(): Promise<NextStep> {
    if (this.#state === 'stopped' || this.#isStopping) return Number.POSITIVE_INFINITY;
    try {
      if (this.#partitions === 0) await this.#connect();
      else await this.#look();
      if (!this.#isFollowing && this.#mismatches === 0) await this.#follow();
      this.#failures = 0;
      return this.#state === 'live' ? WATCH_MS : WATCH_MS / 5;
    } catch (error) {
      if (isReplicationError(error, 'log-mismatch', 'log-refused')) {
        this.#stop(error);
        return Number.POSITIVE_INFINITY;
      }
      if (!isReplicationError(error)) throw error;
      return this.#unreachable(error);
    }
  }

  /** Ends the reading; resolves when no record can be applied any more and the log is left. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#taking;
    await this.#following?.stop();
    await this.#options.log.close();
  }

  async #connect(): Promise<void> {
    const { log, publisher, applier, isEmpty } = this.#options;
    const { partitions } = await log.open();
    const offsets = await log.offsets();
    if (!this.#fits(offsets, partitions)) return;
    this.#partitions = partitions;
    this.#goal = offsets;
    this.#saw(offsets);
    const isBehind = offsets.some(({ partition, end }) => end > applier.position(partition).next);
    if (this.#state === 'starting' && isBehind) this.#state = isEmpty ? 'bootstrapping' : 'catching-up';
    this.#checkGoal();
    publisher.connected(partitions);
    this.#options.wakePublisher();
  }

  async #look(): Promise<void> {
    const { publisher, world } = this.#options;
    const wasReachable = this.#isReachable;
    const offsets = await this.#options.log.offsets();
    if (!this.#fits(offsets, this.#partitions)) return;
    this.#saw(offsets);
    if (!wasReachable) {
      world.logger[this.#failures >= LOOKS ? 'info' : 'debug']({}, 'the log answers again');
      publisher.connected(this.#partitions);
      this.#options.wakePublisher();
    }
    this.#checkGoal();
    await this.#replaceStandingReader(offsets);
  }

  /** True when every position lies within the log; throws after several looks in a row that it does not. */
  #fits(offsets: readonly PartitionOffsets[], partitions: number): boolean {
    const problem = this.#problem(offsets, partitions);
    this.#mismatches = problem ? this.#mismatches + 1 : 0;
    if (problem && this.#mismatches >= LOOKS) throw problem;
    return !problem;
  }

  #problem(offsets: readonly PartitionOffsets[], partitions: number): ReplicationError | undefined {
    const { applier, isEmpty, knownPartitions } = this.#options;
    const beyond = knownPartitions.find((partition) => partition >= partitions);
    if (beyond !== undefined) return mismatch(`partition ${beyond} is gone, the topic has ${partitions}`);
    for (const { partition, low, end } of offsets) {
      const position = applier.position(partition);
      if (end < position.next) {
        return mismatch(`partition ${partition} ends at ${end}, but was read up to ${position.next}`);
      }
      if (low > readingStart(position)) {
        return isEmpty && position.next === 0
          ? mismatch(
              `partition ${partition} starts at ${low}: an empty replica cannot be built from a part of the log`,
            )
          : mismatch(`partition ${partition} starts at ${low}, but is needed from ${readingStart(position)}`);
      }
    }
    return undefined;
  }

  async #follow(): Promise<void> {
    const { applier, log } = this.#options;
    this.#isFollowing = true;
    this.#progress = { sum: -1, atMs: this.#options.world.clock.monotonic() };
    try {
      this.#following = await log.follow({
        startOf: (partition) => applier.startOf(partition),
        take: (read) => {
          const taking = this.#take(read);
          this.#taking = taking;
          return taking;
        },
        broke: (error) => this.#readerBroke(error),
      });
    } catch (error) {
      this.#isFollowing = false;
      throw error;
    }
  }

  async #take(read: LogRead): Promise<'go on' | 'seek'> {
    if (this.#state === 'stopped' || this.#isStopping) return 'seek';
    const { applier, lag, world } = this.#options;
    try {
      lag.saw(read.partition, read.end, world.clock.monotonic());
      const next = await applier.applyBatch(read);
      this.#checkGoal();
      this.#options.wakePublisher();
      return next;
    } catch (error) {
      if (isReplicationError(error, 'log-mismatch')) this.#stop(error);
      else this.#options.failed(error);
      return 'seek';
    }
  }

  #readerBroke(error: unknown): void {
    this.#options.world.logger.warn(
      { error: errorText(error) },
      'the reader of the log broke; a fresh one follows',
    );
    this.#readersReplaced += 1;
    this.#isFollowing = false;
    this.#following = undefined;
  }

  async #replaceStandingReader(offsets: readonly PartitionOffsets[]): Promise<void> {
    const { applier, world, standstillMs } = this.#options;
    const now = world.clock.monotonic();
    const sum = offsets.reduce((total, { partition }) => total + applier.position(partition).next, 0);
    const isBehind = offsets.some(({ partition, end }) => end > applier.position(partition).next);
    if (sum !== this.#progress.sum || !isBehind) this.#progress = { sum, atMs: now };
    if (now - this.#progress.atMs < standstillMs || !this.#following) return;
    world.logger.warn(
      { standstillMs },
      'the reader of the log stands still below its end; a fresh one follows',
    );
    this.#readersReplaced += 1;
    const standing = this.#following;
    this.#following = undefined;
    this.#isFollowing = false;
    await standing.stop();
  }

  #saw(offsets: readonly PartitionOffsets[]): void {
    const now = this.#options.world.clock.monotonic();
    this.#isReachable = true;
    for (const { partition, end } of offsets) this.#options.lag.saw(partition, end, now);
  }

  #checkGoal(): void {
    const { applier } = this.#options;
    if (this.#hasCaughtUp || this.#state === 'stopped') return;
    if (!this.#goal?.every(({ partition, end }) => applier.position(partition).next >= end)) return;
    this.#hasCaughtUp = true;
    this.#state = 'live';
  }

  #unreachable(error: ReplicationError): NextStep {
    const { lag, publisher, world, isEmpty } = this.#options;
    this.#failures += 1;
    if (this.#failures === 1)
      world.logger.warn({ error: error.message }, 'the log does not answer; it is tried again');
    this.#isReachable = false;
    publisher.disconnected();
    lag.forget();
    // With data of its own a replica serves what it has; an empty one has nothing to serve.
    if (this.#state === 'starting' && !isEmpty) this.#state = 'live';
    return backoffMs(policies.connect, this.#failures, world.random);
  }

  #stop(error: ReplicationError): void {
    this.#state = 'stopped';
    this.#stopReason = error;
    this.#options.publisher.stop();
    this.#options.world.logger.error({ error: error.message, hint: error.hint }, 'replication stopped');
    const following = this.#following;
    this.#following = undefined;
    // Never from inside the reader's own handler: it would wait for itself.
    this.#options.world.clock.after(0, () => void following?.stop());
  }
}

function mismatch(what: string): ReplicationError {
  return new ReplicationError({
    code: 'log-mismatch',
    message: `The log does not fit what was read of it: ${what}.`,
    hint: 'The topic was deleted, recreated, truncated, cut by retention or replaced. Nothing was skipped.',
  });
}
