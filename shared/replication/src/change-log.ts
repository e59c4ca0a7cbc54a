/**
 * The change log: the port in front of Kafka. `kafka/kafka-change-log.ts` is the real one; the in-memory log of
 * the tests has the same semantics, proven by the same conformance suite.
 *
 * What the rest of the library may rely on: a partition is an ordered list of records at growing offsets; an
 * append is atomic per call and partition but its outcome may stay unknown; reading gives every record at least
 * once, in order, from where it was asked to; offsets may be missing where a stranger's transaction left a
 * marker. What it may not rely on: that the log is still the one it was yesterday. The guard asks that.
 */

/** A record to append. Headers are text. */
export interface OutgoingRecord {
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** A record as it stands in the log. */
export interface LogRecord {
  readonly offset: number;
  /** True for a stranger's transaction marker: it takes an offset and carries nothing. */
  readonly isMarker: boolean;
  /** Present where a batch cannot be decoded: the offsets below `next` are in it, and nothing is known of them. */
  readonly unreadable?: { readonly next: number; readonly why: string };
  /** Kafka's timestamp, milliseconds since 1970: part of the bookmark, believed for nothing else. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | undefined>>;
}

/** The offset after everything that a record stands for. */
export function nextOffset(record: Pick<LogRecord, 'offset' | 'unreadable'>): number {
  return record.unreadable?.next ?? record.offset + 1;
}

/** A piece of one partition, in order. */
export interface LogRead {
  readonly partition: number;
  /** Offset that was asked for, or at which the read before ended. */
  readonly from: number;
  /** Everything found, markers included. */
  readonly records: readonly LogRecord[];
  /** What comes right after, where it is in hand already: it may be read while this is stored. */
  readonly ahead?: readonly LogRecord[];
  /** Offset after everything that this read covers, markers included. */
  readonly next: number;
  /** End of the partition as the broker saw it while answering. */
  readonly end: number;
}

/** First and next offset of a partition. */
export interface PartitionOffsets {
  readonly partition: number;
  readonly low: number;
  readonly end: number;
}

/**
 * How reading continues after a read: behind it, or where `startOf` says when it is asked again, for the partition of
 * the read or for all of them.
 */
export type Onward = 'go on' | 'seek' | 'seek all';

/** What a reader of the log must bring along. */
export interface LogReader {
  /** Where to read a partition from: asked at the start and after every interruption. */
  startOf(partition: number): number;
  /** Takes one read. Reads come one at a time. */
  take(read: LogRead): Promise<Onward>;
  /** The reading ended by itself and will not come back: follow again. */
  broke(error: unknown): void;
}

/** A running reader. */
export interface Following {
  /** Asks `startOf` again for every partition and continues there. */
  seek(): void;
  /** Ends the reading; resolves when no further `take` can come. Bounded in time. */
  stop(): Promise<void>;
}

/** The log. Every call has a deadline and throws `log-unreachable` (retryable) when the broker is away. */
export interface ChangeLog {
  /** Connects, creates the topic where it is missing, checks its settings; says how many partitions it has. */
  open(): Promise<{ partitions: number }>;
  /** Offsets of every partition, freshly asked. */
  offsets(): Promise<readonly PartitionOffsets[]>;
  /**
   * Appends records to a partition, in order, and resolves with the offset of the last one once the log has
   * acknowledged all of them. One call at a time. An error leaves the outcome unknown.
   * @throws `event-too-large` when the broker refuses the batch for its size.
   */
  append(partition: number, records: readonly OutgoingRecord[]): Promise<{ lastOffset: number }>;
  /** Reads every partition from where `reader` says. One following at a time. */
  follow(reader: LogReader): Promise<Following>;
  /** Leaves; never throws. */
  close(): Promise<void>;
}
