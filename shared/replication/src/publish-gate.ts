/**
 * The gate between the publisher and the log: nothing of ours gets into a log before its bookmarks were seen, nor into
 * one that is to be read again.
 */
import type { Applier } from './applier.ts';
import type { PartitionOffsets } from './change-log.ts';
import type { Publisher } from './publisher.ts';

/** What the gate stands between. */
export interface PublishGateOptions {
  readonly applier: Pick<Applier, 'isProven'>;
  readonly publisher: Publisher;
  /** There may be something to publish now. */
  readonly wakePublisher: () => void;
}

/** One replica's gate. */
export class PublishGate {
  readonly #options: PublishGateOptions;

  constructor(options: PublishGateOptions) {
    this.#options = options;
  }

  /** Opens for a log of so many partitions, once it is proven to be ours; 0 before the first contact. */
  open(partitions: number): void {
    const { applier, publisher } = this.#options;
    if (publisher.isConnected || partitions === 0 || !applier.isProven) return;
    publisher.connected(partitions);
    this.wake();
  }

  /** The topic was given more partitions; a gate that is shut stays so. */
  widen(partitions: number): void {
    const { publisher } = this.#options;
    if (publisher.isConnected) publisher.connected(partitions);
  }

  /** Nothing is published until it is opened again. */
  shut(): void {
    this.#options.publisher.pause();
  }

  /** The log does not answer. */
  lost(): void {
    this.#options.publisher.disconnected();
  }

  /** Where the partitions ended when it was asked, at `askedAtMs` of monotonic time. */
  ends(offsets: readonly PartitionOffsets[], askedAtMs: number): void {
    for (const { partition, end } of offsets) this.#options.publisher.ends(partition, end, askedAtMs);
    this.wake();
  }

  /** There may be something to publish now. */
  wake(): void {
    this.#options.wakePublisher();
  }
}
