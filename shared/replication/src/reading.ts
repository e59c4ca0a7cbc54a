/**
 * The reading: one reader of the log at a time, replaced when it broke or stands still.
 *
 * It starts and ends readers and notices that one makes no progress. What a read means, and whether there should be a
 * reader at all, is decided by the log link.
 */
import type { Applier } from './applier.ts';
import { backoffMs, policies } from './backoff.ts';
import type { ChangeLog, Following, LogRead, Onward, PartitionOffsets } from './change-log.ts';
import { errorText } from './errors.ts';
import type { Surroundings } from './surroundings.ts';

/** How the reading is put together. */
export interface ReadingOptions {
  readonly log: ChangeLog;
  readonly applier: Applier;
  readonly world: Surroundings;
  /** Time without progress below the end after which the reader is replaced, in milliseconds. */
  readonly standstillMs: number;
  /** Takes one read; see `LogReader.take`. */
  readonly take: (read: LogRead) => Promise<Onward>;
}

/** Keeps one reader. */
export class Reading {
  readonly #options: ReadingOptions;
  #following: Following | undefined;
  #isOn = false;
  /** Sum of all positions at the last look, when it last moved, and when the last look was. */
  #sum = -1;
  #movedAtMs = 0;
  #watchedAtMs = Number.NEGATIVE_INFINITY;
  #isStandingStill = false;
  #replaced = 0;
  /** Readers in a row that led nowhere, and when the next one may begin. */
  #failures = 0;
  #startAtMs = 0;
  #taking: Promise<unknown> = Promise.resolve();

  constructor(options: ReadingOptions) {
    this.#options = options;
  }

  /** True from the start of a reader until its end. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Readers replaced because they broke or stood still. */
  get replaced(): number {
    return this.#replaced;
  }

  /** True while the position stands still below the end of the log, although fresh readers were tried. */
  get isStandingStill(): boolean {
    return this.#isStandingStill;
  }

  /** Milliseconds until the next reader may begin: readers that lead nowhere follow each other ever more slowly. */
  get waitMs(): number {
    return Math.max(0, this.#startAtMs - this.#options.world.clock.monotonic());
  }

  /** Starts a reader. @throws what `ChangeLog.follow` throws. */
  async start(): Promise<void> {
    const { applier, log, take } = this.#options;
    this.#isOn = true;
    try {
      const following = await log.follow({
        startOf: (partition) => applier.startOf(partition),
        take: (read) => {
          const taking = take(read);
          this.#taking = taking;
          return taking;
        },
        broke: (error) => this.#broke(error),
      });
      // What was read meanwhile may have ended the reading already.
      if (this.#isOn) this.#following = following;
      else await following.stop();
    } catch (error) {
      this.#isOn = false;
      throw error;
    }
  }

  /** Reads on from where the applier wants each partition now. False where no reader runs. */
  seek(): boolean {
    this.#following?.seek();
    return this.#following !== undefined;
  }

  /** Ends the reader. Within a take it must not be awaited: it would wait for itself. */
  async stop(): Promise<void> {
    const following = this.#following;
    this.#following = undefined;
    this.#isOn = false;
    await following?.stop();
  }

  /** Resolves when what was being taken is taken. */
  async settled(): Promise<void> {
    await this.#taking;
  }

  /**
   * Looks whether the position moves while it is below the end. A reader under which it does not is ended, and stands
   * still until the position moves.
   */
  async watch(offsets: readonly PartitionOffsets[]): Promise<void> {
    const { applier, standstillMs, world } = this.#options;
    const now = world.clock.monotonic();
    const sum = offsets.reduce((total, { partition }) => total + applier.position(partition).next, 0);
    const isBehind = offsets.some(({ partition, end }) => end > applier.position(partition).next);
    if (sum !== this.#sum || !isBehind) {
      this.#failures = 0;
      this.#isStandingStill = false;
    }
    // Nobody looked for a while (broker away, process suspended): the time in between says nothing.
    const hasLooked = now - this.#watchedAtMs < standstillMs / 2;
    if (sum !== this.#sum || !isBehind || !hasLooked) this.#movedAtMs = now;
    this.#sum = sum;
    this.#watchedAtMs = now;
    if (now - this.#movedAtMs < standstillMs) return;
    this.#movedAtMs = now;
    this.#isStandingStill = true;
    if (!this.#following) return;
    const fields = { standstillMs };
    world.logger.warn(fields, 'the reader of the log stands still below its end; a fresh one follows');
    this.#failed();
    await this.stop();
  }

  #broke(error: unknown): void {
    const fields = { error: errorText(error) };
    this.#options.world.logger.warn(fields, 'the reader of the log broke; a fresh one follows');
    this.#failed();
    this.#isOn = false;
    this.#following = undefined;
  }

  #failed(): void {
    const { clock, random } = this.#options.world;
    this.#replaced += 1;
    this.#failures += 1;
    this.#startAtMs = clock.monotonic() + backoffMs(policies.reader, this.#failures, random);
  }
}
