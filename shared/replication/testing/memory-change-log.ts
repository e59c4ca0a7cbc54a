/**
 * One client's view of the broker in memory: the `ChangeLog` of tests.
 *
 * Like kafkajs, it resets an offset out of range to the earliest without a word; the applier has to notice.
 */
import {
  type ChangeLog,
  type Following,
  type LogReader,
  nextOffset,
  type OutgoingRecord,
  type PartitionOffsets,
} from '../src/change-log.ts';
import type { MemoryBroker } from './memory-broker.ts';
import { unreachable } from './memory-errors.ts';

/** A `ChangeLog` over a `MemoryBroker`. */
export class MemoryChangeLog implements ChangeLog {
  readonly #broker: MemoryBroker;
  #reader: LogReader | undefined;
  #cursors = new Map<number, number>();
  #pumping: Promise<void> | undefined;
  #delivering: Promise<unknown> | undefined;
  #isCut = false;
  #mustSeek = false;

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  /** Cuts this client alone off from the broker, or connects it again. */
  setCut(isCut: boolean): void {
    this.#isCut = isCut;
    if (!isCut) this.#broker.wake();
  }

  async open(): Promise<{ partitions: number }> {
    this.assertReachable();
    return { partitions: this.#broker.partitions };
  }

  async offsets(): Promise<readonly PartitionOffsets[]> {
    this.assertReachable();
    return this.#broker.offsets();
  }

  async append(partition: number, records: readonly OutgoingRecord[]): Promise<{ lastOffset: number }> {
    this.assertReachable();
    return { lastOffset: this.#broker.append(partition, records) };
  }

  async follow(reader: LogReader): Promise<Following> {
    this.assertReachable();
    this.#reader = undefined;
    await this.#delivering;
    this.#reader = reader;
    this.#seek();
    this.#broker.wake();
    return {
      seek: () => {
        if (this.#reader !== reader) return;
        this.#seek();
        this.#broker.wake();
      },
      stop: async () => {
        if (this.#reader === reader) this.#reader = undefined;
        await this.#delivering;
      },
    };
  }

  async close(): Promise<void> {
    this.#reader = undefined;
    await this.#delivering;
    this.#broker.forget(this);
  }

  /** The reader that runs now ends by itself. */
  breakOff(error: unknown): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.broke(error);
  }

  /** The reader that runs now asks where to read from before it reads on. */
  interrupt(): void {
    this.#mustSeek = this.#reader !== undefined;
  }

  /** True when a read would find something. */
  isHungry(): boolean {
    return this.#mustSeek ? this.#canRead() : this.#nextPartition() !== undefined;
  }

  /** Delivers one read; false when there is nothing to read. */
  async deliver(): Promise<boolean> {
    const reader = this.#reader;
    if (this.#mustSeek) this.#seek();
    const partition = this.#nextPartition();
    if (!reader || partition === undefined) return false;
    const cursor = this.#cursors.get(partition) ?? 0;
    const { low, end } = this.#broker.offsets()[partition] ?? { low: 0, end: 0 };
    // As kafkajs does: an offset out of range is reset to the earliest without a word.
    const from = cursor < low || cursor > end ? low : cursor;
    const all = this.#broker.records(partition).filter(({ offset }) => offset >= from);
    const records = all.slice(0, this.#broker.maxRecords);
    const last = records.at(-1);
    const next = records.length === all.length || !last ? end : nextOffset(last);
    const taking = reader.take({ partition, from, records, next, end });
    this.#delivering = taking;
    const answer = await taking;
    if (this.#reader !== reader) return true;
    if (answer === 'seek all' || this.#mustSeek) this.#seek();
    else if (answer === 'seek') this.#cursors.set(partition, reader.startOf(partition));
    else this.#cursors.set(partition, next);
    return true;
  }

  /** Delivers everything there is, one read at a time, in the background. */
  pump(): void {
    this.#pumping ??= (async () => {
      do await new Promise<void>((resolve) => setImmediate(resolve));
      while (await this.deliver());
      this.#pumping = undefined;
      // What was appended while the last delivery ended must not wait for the next wake.
      if (this.isHungry()) this.pump();
    })();
  }

  /** @throws `log-unreachable` while the broker is away or this client is cut off. */
  assertReachable(): void {
    if (this.#isCut || !this.#broker.isReachable) throw unreachable('the broker is away');
  }

  #canRead(): boolean {
    return this.#reader !== undefined && !this.#isCut && this.#broker.isReachable;
  }

  #nextPartition(): number | undefined {
    if (!this.#canRead()) return undefined;
    for (let partition = 0; partition < this.#broker.partitions; partition += 1) {
      const { low, end } = this.#broker.bounds(partition);
      if (end > low && (this.#cursors.get(partition) ?? 0) !== end) return partition;
    }
    return undefined;
  }

  #seek(): void {
    this.#mustSeek = false;
    for (let partition = 0; partition < this.#broker.partitions; partition += 1) {
      this.#cursors.set(partition, this.#reader?.startOf(partition) ?? 0);
    }
  }
}
