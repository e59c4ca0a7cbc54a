/**
 * The link to the log: connects, keeps one reader running, says how far it is, and heals when the log changed.
 *
 * Its states are in `link-state.ts`. A broker that goes away changes no state: reading resumes when it is back. A
 * consumer that broke or stands still is replaced by a fresh one. Relinking reads every partition from its start,
 * duplicates dropped; the publisher then publishes what the log lacks, and what this replica lacks comes from the
 * peers (see `repair.ts`).
 */
import type { ReplicaState } from './announcement.ts';
import type { Bootstrap } from './bootstrap.ts';
import { CatchUp } from './catch-up.ts';
import type { Chain } from './chain.ts';
import type { LogRead, Onward, PartitionOffsets } from './change-log.ts';
import { Contact } from './contact.ts';
import { isOnlyCut } from './cut.ts';
import { isReplicationError, type ReplicationError } from './errors.ts';
import type { LagMeter } from './lag.ts';
import { LinkState } from './link-state.ts';
import { assertWhole, isWhole, LogGuard } from './log-guard.ts';
import type { NextStep } from './loop.ts';
import type { Position } from './positions.ts';
import { PublishGate } from './publish-gate.ts';
import type { Publisher } from './publisher.ts';
import { Reading, type ReadingOptions } from './reading.ts';
import { Relinks } from './relinks.ts';
import { assertOurLog } from './survey.ts';

/** How the link is put together. */
export interface LogLinkOptions extends Omit<ReadingOptions, 'take'> {
  readonly chain: Chain;
  readonly publisher: Publisher;
  readonly positions: ReadonlyMap<number, Position>;
  readonly lag: LagMeter;
  /** Time between two looks at the landmarks, in milliseconds. */
  readonly landmarkMs: number;
  /** True when this directory held nothing at the start. */
  readonly isEmpty: boolean;
  readonly bootstrap: Bootstrap;
  /** There may be something to publish now. */
  readonly wakePublisher: () => void;
  /** The process has to end. */
  readonly failed: (error: unknown) => void;
}

/** Time between two looks at the ends of the log. */
const WATCH_MS = 1000;

/** One replica's link to the log. */
export class LogLink {
  readonly #options: LogLinkOptions;
  readonly #guard: LogGuard;
  readonly #reading: Reading;
  readonly #contact: Contact;
  readonly #gate: PublishGate;
  readonly #relinks = new Relinks();
  readonly #catchUp: CatchUp;
  readonly #state = new LinkState();
  #partitions = 0;
  #isCut = false;
  #isStopping = false;

  constructor(options: LogLinkOptions) {
    this.#options = options;
    this.#contact = new Contact(options.world);
    this.#gate = new PublishGate(options);
    this.#guard = new LogGuard(options.positions, options);
    this.#catchUp = new CatchUp((partition) => options.applier.position(partition).next);
    this.#reading = new Reading({ ...options, take: (read) => this.#take(read) });
  }

  /** What the replica is doing. */
  get state(): ReplicaState {
    return this.#state.now;
  }

  /** Why the state is `stopped`. */
  get stopReason(): ReplicationError | undefined {
    return this.#state.stopReason;
  }

  /** True once everything that the log held at the first contact was applied. */
  get hasCaughtUp(): boolean {
    return this.#catchUp.hasEverEnded;
  }

  /** True while the broker answers and the log goes on, but nothing of it arrives here. */
  get isStandingStill(): boolean {
    return this.#contact.isThere && this.#reading.isStandingStill;
  }

  /** True where retention has cut the start of the log, as far as it was seen: it cannot show all that was in it. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** False while the broker does not answer. */
  get isReachable(): boolean {
    return this.#contact.isThere;
  }

  /** Readers replaced because they broke or stood still, and times that everything was read again. */
  get counters(): { readersReplaced: number; relinks: number } {
    return { readersReplaced: this.#reading.replaced, relinks: this.#relinks.count };
  }

  /** Partitions of the topic; 0 before the first contact. */
  get partitions(): number {
    return this.#partitions;
  }

  /** Connects, relinks, follows or looks, whichever is next. */
  async step(): Promise<NextStep> {
    if (this.#isStopping) return Number.POSITIVE_INFINITY;
    if (this.state === 'stopped') {
      if (!this.stopReason?.isRetryable) return Number.POSITIVE_INFINITY;
      if (!this.#options.bootstrap.hasDonors) return WATCH_MS;
      this.#state.beginAnew();
    }
    const waitMs = this.#relinks.waitMs(this.#options.world.clock.monotonic());
    if (waitMs > 0) return waitMs;
    try {
      if (this.#relinks.reason) await this.#relink(this.#relinks.reason);
      else if (this.#partitions === 0) await this.#connect();
      else await this.#look();
      const waitForReaderMs = await this.#keepReading();
      this.#contact.held();
      if (this.#relinks.reason) return 0;
      return Math.min(waitForReaderMs, this.state === 'live' ? WATCH_MS : WATCH_MS / 5);
    } catch (error) {
      if (isReplicationError(error, 'log-mismatch', 'log-replaced')) this.#distrust(error);
      else if (isReplicationError(error, 'log-refused')) this.#stop(error);
      else if (isReplicationError(error)) return this.#unreachable(error);
      else throw error;
      return 0;
    }
  }

  /** Starts a reader where there is none and there should be; says when one may begin where it has to wait. */
  async #keepReading(): Promise<number> {
    const isWanted = this.#partitions > 0 && !this.#guard.isInDoubt && !this.#isStopping;
    if (this.#reading.isOn || !isWanted) return Number.POSITIVE_INFINITY;
    const { waitMs } = this.#reading;
    if (waitMs > 0) return waitMs;
    await this.#reading.start();
    this.#letPublish();
    return Number.POSITIVE_INFINITY;
  }

  /** Reads again from the rewound positions; a stall has ended. */
  readAgain(): void {
    this.#reading.seek();
  }

  /** An operator says that this log is to be used although nothing in it is ours. */
  acceptLog(): void {
    const reason = this.#state.accept();
    if (reason) this.#relinks.demand(reason);
  }

  /** Ends the reading; resolves when no record can be applied any more and the log is left. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#options.bootstrap.stop();
    await this.#reading.settled();
    await this.#reading.stop();
    await this.#options.log.close();
  }

  async #connect(): Promise<void> {
    const { log, applier, isEmpty, positions, bootstrap, world } = this.#options;
    const { partitions } = await log.open();
    const read = this.#guard.readSoFar();
    const offsets = await log.offsets();
    if (positions.size > 0 && !this.#guard.fits(offsets, read)) return;
    // Without a bookmark nothing proves that this is the log that was read before.
    const isUnknown = ![...positions.values()].some(({ bookmark }) => bookmark !== null);
    if (isUnknown) await this.#assertOurs(offsets);
    this.#catchUp.begin(offsets);
    this.#saw(offsets);
    const isBehind = offsets.some(({ partition, end }) => end > applier.position(partition).next);
    if (isBehind) this.#state.fallBehind({ isEmpty });
    if (this.state === 'bootstrapping') await bootstrap.fill(offsets);
    // Before reading begins: later it would have to begin again.
    if (this.#guard.takeLandmarkTurn(world.clock.monotonic())) applier.revisit(offsets);
    // Only now: a bootstrap that was interrupted begins with the connection again.
    this.#partitions = partitions;
    this.#checkGoal();
    this.#letPublish();
  }

  /** The log is not what was read: it will be read again, and until then nothing is written to it. */
  #distrust(reason: ReplicationError): void {
    this.#gate.shut();
    this.#relinks.demand(reason);
  }

  /** Everything that is believed about the log is forgotten and learned again. */
  async #relink(reason: ReplicationError): Promise<void> {
    const { log, applier, isEmpty, positions, world } = this.#options;
    this.#gate.shut();
    await this.#reading.stop();
    const { partitions } = await log.open();
    const offsets = await log.offsets();
    const isCut = reason.code === 'log-mismatch' && isOnlyCut(positions, offsets);
    if (!isCut) await this.#assertOurs(offsets);
    if (isEmpty && !this.#catchUp.hasEverEnded) assertWhole(offsets, { isRetryable: false });
    world.logger.warn(
      { reason: reason.message },
      isCut ? 'the log was cut; reading what is left of it' : 'the log changed; reading all of it again',
    );
    this.#relinks.begin({ nowMs: world.clock.monotonic(), random: world.random });
    this.#partitions = partitions;
    this.#state.readAgain();
    const lows = new Map(offsets.map(({ partition, low }) => [partition, low]));
    await (isCut ? applier.passCut(lows) : applier.startOver(lows));
    this.#catchUp.begin(offsets);
    this.#relinks.settle();
    this.#saw(offsets);
    this.#checkGoal();
  }

  async #look(): Promise<void> {
    const wasReachable = this.#contact.isThere;
    const { log, world } = this.#options;
    const askedAtMs = world.clock.monotonic();
    // The topic itself may be what is missing; opening makes it anew.
    if (!wasReachable) await log.open();
    const read = this.#guard.readSoFar();
    const offsets = await log.offsets();
    if (!this.#guard.fits(offsets, read)) return;
    if (offsets.length > this.#partitions) await this.#grow();
    this.#saw(offsets);
    this.#catchUp.saw(offsets);
    this.#gate.ends(offsets, askedAtMs);
    if (!wasReachable && this.#reading.seek()) {
      this.#contact.proves();
      this.#letPublish();
    }
    this.#checkGoal();
    if (this.#guard.takeLandmarkTurn(askedAtMs)) {
      this.#options.applier.revisit(offsets);
      this.#reading.seek();
    }
    await this.#reading.watch(offsets);
  }

  /** The topic was given more partitions: a fresh reader reads them, too, from their start. */
  async #grow(): Promise<void> {
    const { log, world } = this.#options;
    const { partitions } = await log.open();
    world.logger.info({ before: this.#partitions, partitions }, 'the topic has more partitions than before');
    this.#partitions = partitions;
    this.#gate.widen(partitions);
    await this.#reading.stop();
  }

  async #assertOurs(offsets: readonly PartitionOffsets[]): Promise<void> {
    if (this.#state.isAccepted) return;
    const { log, chain, world } = this.#options;
    await assertOurLog({ log, offsets, chain, clock: world.clock });
  }

  /** Not while everything is read again: nobody knows yet what the log lacks. */
  #letPublish(): void {
    if (this.#relinks.reason || this.state === 'relinking' || this.state === 'stopped') return;
    this.#gate.open(this.#partitions);
  }

  async #take(read: LogRead): Promise<Onward> {
    if (this.state === 'stopped' || this.#isStopping || this.#relinks.reason) return 'seek';
    if (this.#contact.takeDoubt()) return 'seek all';
    const { applier, lag, world } = this.#options;
    try {
      lag.saw(read.partition, read.end, world.clock.monotonic());
      const next = await applier.applyBatch(read);
      this.#checkGoal();
      this.#letPublish();
      this.#gate.wake();
      return next;
    } catch (error) {
      if (isReplicationError(error, 'log-mismatch', 'log-replaced')) {
        this.#distrust(error);
      } else {
        this.#isStopping = true;
        this.#options.failed(error);
      }
      // Not awaited: from inside its own handler it would wait for itself. Left alone it would read in circles.
      void this.#reading.stop();
      return 'seek';
    }
  }

  #saw(offsets: readonly PartitionOffsets[]): void {
    const now = this.#options.world.clock.monotonic();
    this.#contact.made();
    this.#isCut = !isWhole(offsets);
    for (const { partition, end } of offsets) this.#options.lag.saw(partition, end, now);
  }

  /** Everything that the log held when reading began was read: the replica is live, and may publish. */
  #checkGoal(): void {
    if (this.state === 'stopped' || this.#relinks.reason || !this.#catchUp.ends()) return;
    this.#relinks.succeeded();
    this.#state.catchUp();
    this.#letPublish();
  }

  #unreachable(error: ReplicationError): NextStep {
    const { lag, isEmpty } = this.#options;
    const waitMs = this.#contact.lost(error);
    this.#gate.lost();
    lag.forget();
    // With data of its own a replica serves what it has; an empty one has nothing to serve. Who was already catching up
    // does not begin to serve what is old for one failed call.
    if (!isEmpty && (this.state === 'starting' || this.#contact.isLost)) this.#state.serveAlone();
    return waitMs;
  }

  #stop(error: ReplicationError): void {
    this.#state.stop(error);
    this.#relinks.settle();
    this.#gate.shut();
    this.#options.world.logger.error({ error: error.message, hint: error.hint }, 'replication stopped');
    // Nothing waits for it: what still arrives is refused by the state.
    void this.#reading.stop();
  }
}
