/**
 * The reading: one reader of the log at a time, replaced when it broke or stands still.
 *
 * It starts and ends readers and notices that one makes no progress. What a read means, and whether there should be a
 * reader at all, is decided by the log link.
 */
import type { Applier } from './applier.ts';
import type { ChangeLog, Following, LogRead, PartitionOffsets } from './change-log.ts';
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
  readonly take: (read: LogRead) => Promise<'go on' | 'seek'>;
}

/** Keeps one reader. */
export class Reading {
  readonly #options: ReadingOptions;
  #following: Following | undefined;
  #isOn = false;
  #progress = { sum: -1, atMs: 0 };
  #replaced = 0;
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

  /** Starts a reader. @throws what `ChangeLog.follow` throws. */
  async start(): Promise<void> {
    const { applier, log, take, world } = this.#options;
    this.#isOn = true;
    this.#progress = { sum: -1, atMs: world.clock.monotonic() };
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

  /** Ends a reader that has made no progress below the end for too long. */
  async watch(offsets: readonly PartitionOffsets[]): Promise<void> {
    const { applier, standstillMs, world } = this.#options;
    const now = world.clock.monotonic();
    const sum = offsets.reduce((total, { partition }) => total + applier.position(partition).next, 0);
    const isBehind = offsets.some(({ partition, end }) => end > applier.position(partition).next);
    if (sum !== this.#progress.sum || !isBehind) this.#progress = { sum, atMs: now };
    if (now - this.#progress.atMs < standstillMs || !this.#following) return;
    world.logger.warn(
      { standstillMs },
      'the reader of the log stands still below its end; a fresh one follows',
    );
    this.#replaced += 1;
    await this.stop();
  }

  #broke(error: unknown): void {
    const fields = { error: errorText(error) };
    this.#options.world.logger.warn(fields, 'the reader of the log broke; a fresh one follows');
    this.#replaced += 1;
    this.#isOn = false;
    this.#following = undefined;
  }
}
