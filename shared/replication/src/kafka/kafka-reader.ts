/**
 * A reader of one topic: one kafkajs consumer, alone in a group of its own, that is told by us where to read.
 *
 * No offset is committed. After every join each partition is sought to where the reader wants it; kafkajs would
 * start at the earliest. Batches are cut into pieces of bounded size, a few of which wait in hand while the log goes
 * on: kafkajs fetches only when the last answer is dealt with. Markers of strangers' transactions, which
 * kafkajs drops, are handed on as records without content, so that offsets have no holes that nobody can explain.
 */
import { type Following, type LogRead, type LogReader, type LogRecord, nextOffset } from '../change-log.ts';
import { ReplicationError } from '../errors.ts';
import type { UnreadableBatch } from './batch-decoder.ts';
import {
  type Consumer,
  type EachBatchPayload,
  type Kafka,
  type KafkaMessage,
  leave,
  translate,
  withDeadline,
} from './kafka.ts';
import { PiecesInHand } from './pieces-in-hand.ts';

/** How to read. */
export interface KafkaReaderOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  /** Unique to this consumer, so that nothing ever waits for a dead member of it. */
  readonly groupId: string;
  /** Partitions that a join must yield. */
  readonly partitions: number;
  /** Records of one piece at most. */
  readonly maxRecords: number;
  readonly reader: LogReader;
}

/** Longest wait of the broker for new records, in milliseconds; also bounds how long a stop takes. */
const FETCH_WAIT_MS = 250;

/**
 * Bytes of one answer, and of one partition in it: decoded they take several times as much until the next collection
 * of garbage. A batch that is larger still comes whole, and the partitions of each request are shuffled by kafkajs.
 */
const FETCH_BYTES = 1_048_576;
const PARTITION_BYTES = 262_144;

/** Pieces that may be in hand, the one that is being taken included, while another answer is fetched. */
const MAY_WAIT = 2;

/** Longest wait for joining the group, in milliseconds. */
const JOIN_MS = 20_000;

/** A message as it is; the types of kafkajs leave out what is none, and what stands for a whole batch. */
type WholeMessage = KafkaMessage & {
  readonly isControlRecord?: boolean;
  readonly unreadable?: UnreadableBatch;
};

/** A batch as kafkajs has it; its types leave out two fields. */
type WholeBatch = EachBatchPayload['batch'] & {
  readonly fetchedOffset: string | number;
  readonly rawMessages: readonly WholeMessage[];
};

/** Starts a consumer and resolves once it has joined. */
export async function startReader(options: KafkaReaderOptions): Promise<Following> {
  const consumer = options.kafka.consumer({
    groupId: options.groupId,
    // The group is never shared and never used again: a dead member of it keeps nobody waiting.
    sessionTimeout: 30_000,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    maxBytes: FETCH_BYTES,
    maxBytesPerPartition: PARTITION_BYTES,
    allowAutoTopicCreation: false,
    // An event is judged by its own link. A stranger's hanging transaction must not hold up everybody.
    readUncommitted: true,
  });
  const running = new Running(options, consumer);
  try {
    await running.start();
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}

class Running implements Following {
  readonly #options: KafkaReaderOptions;
  readonly #consumer: Consumer;
  readonly #inHand: PiecesInHand;
  #isOver = false;
  #hasStarted = false;

  constructor(options: KafkaReaderOptions, consumer: Consumer) {
    this.#options = options;
    this.#consumer = consumer;
    this.#inHand = new PiecesInHand({
      take: (piece) => this.#take(piece),
      failed: (error) => this.#breakOff(error),
    });
  }

  async start(): Promise<void> {
    const { topic, partitions } = this.#options;
    const consumer = this.#consumer;
    await withDeadline(`connecting the reader of ${topic}`, () => consumer.connect());
    await withDeadline(`subscribing to ${topic}`, () =>
      consumer.subscribe({ topics: [topic], fromBeginning: true }),
    );
    const joined = new Promise<void>((resolve, reject) => {
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        const got = payload.memberAssignment[topic]?.length ?? 0;
        this.seek();
        if (got === partitions) return resolve();
        const error = notAllPartitions(got, partitions);
        reject(error);
        this.#breakOff(error);
      });
      consumer.on(consumer.events.CRASH, ({ payload }) => {
        reject(payload.error);
        this.#breakOff(payload.error);
      });
    });
    consumer.on(consumer.events.START_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize === 0) this.#addMarkers(payload);
    });
    // `run` must be called before `seek` and resolves only after joining; the join is awaited by its event.
    const running = consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: (payload) => this.#addBatch(payload),
    });
    await withDeadline(`joining the group of ${topic}`, () => Promise.all([running, joined]), JOIN_MS);
    this.#hasStarted = true;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#inHand.end();
    await leave('reader', this.#consumer, 3000);
  }

  /**
   * Puts a batch in hand, and resolves when another one may be fetched: where more is known to be there, while this
   * one still waits; at the end of the log, when it was taken. There what comes meanwhile is fetched as one.
   */
  async #addBatch({ batch, heartbeat, isRunning, isStale }: EachBatchPayload): Promise<void> {
    const { partition, highWatermark, fetchedOffset, rawMessages } = batch as WholeBatch;
    if (this.#isOver || isStale()) return;
    const end = Number(highWatermark);
    const wanted = rawMessages.filter(({ offset }) => Number(offset) >= Number(fetchedOffset));
    const beyond = wanted.find(({ unreadable, offset }) => unreadable && Number(offset) >= end);
    if (beyond) {
      this.#breakOff(damagedHead(partition, { offset: beyond.offset, highWatermark }));
      return;
    }
    const records = wanted.map((message) => toRecord(message, Number(fetchedOffset)));
    const { maxRecords } = this.#options;
    const pieces: LogRead[] = [];
    let from = Number(fetchedOffset);
    for (let start = 0; start < records.length; start += maxRecords) {
      const piece = records.slice(start, start + maxRecords);
      const last = piece.at(-1);
      const next = last ? nextOffset(last) : from;
      pieces.push({ partition, from, records: piece, next, end });
      from = next;
    }
    this.#inHand.add(...pieces);
    const mayWait = from < end ? MAY_WAIT : 0;
    while (this.#inHand.count > mayWait && isRunning()) {
      await this.#inHand.oneLess();
      await heartbeat();
    }
  }

  #addMarkers(payload: {
    partition: number;
    firstOffset: string;
    lastOffset: string;
    highWatermark: string;
  }): void {
    if (payload.firstOffset === null) return;
    const from = Number(payload.firstOffset);
    const next = Number(payload.lastOffset) + 1;
    const records = Array.from({ length: Math.max(0, next - from) }, (_, i) => marker(from + i));
    const { partition, highWatermark } = payload;
    this.#inHand.add({ partition, from, records, next, end: Number(highWatermark) });
  }

  async #take(piece: LogRead): Promise<void> {
    const answer = await this.#options.reader.take(piece);
    if (answer === 'seek') this.#seek([piece.partition]);
    if (answer === 'seek all') this.seek();
  }

  seek(): void {
    this.#seek(Array.from({ length: this.#options.partitions }, (_, partition) => partition));
  }

  /** Of those alone: what is under way or in hand from others is thrown away by a seek, and asked for once more. */
  #seek(partitions: readonly number[]): void {
    const { topic, reader } = this.#options;
    if (this.#isOver) return;
    for (const partition of partitions) {
      this.#inHand.drop(partition);
      this.#consumer.seek({ topic, partition, offset: String(reader.startOf(partition)) });
    }
  }

  #breakOff(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // Neither is awaited: this runs inside the consumer's own event.
    void leave('reader', this.#consumer, 3000);
    void this.#inHand.end().then(() => {
      // Before the start has ended, the start itself fails with this error.
      if (this.#hasStarted) this.#options.reader.broke(translate(`reading ${this.#options.topic}`, error));
    });
  }
}

function toRecord(message: WholeMessage, fetchedOffset: number): LogRecord {
  const offset = Number(message.offset);
  if (message.isControlRecord) return marker(offset);
  if (message.unreadable) {
    // A batch is given whole, and reading may begin within it: at its last record, where that is the bookmark.
    const first = Math.max(message.unreadable.firstOffset, fetchedOffset);
    return {
      ...marker(first),
      isMarker: false,
      unreadable: { next: offset + 1, why: message.unreadable.why },
    };
  }
  const headers: Record<string, Buffer> = Object.create(null);
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    if (value === undefined) continue;
    // A header that comes twice is none of ours; joined, it stays part of the fingerprint and verifies nothing.
    const parts = Array.isArray(value) ? value : [value];
    headers[name] = parts.length === 1 ? toBuffer(parts[0]) : Buffer.concat(parts.map(toBuffer));
  }
  const timestampMs = Number(message.timestamp);
  return { offset, isMarker: false, timestampMs, key: message.key, value: message.value, headers };
}

function marker(offset: number): LogRecord {
  return { offset, isMarker: true, timestampMs: 0, key: null, value: null, headers: {} };
}

function toBuffer(value: Buffer | string | undefined): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value ?? '');
}

/** Its length is damaged, too: what it stands for is not known, and nothing is passed for it. */
function damagedHead(
  partition: number,
  { offset, highWatermark }: { offset: string; highWatermark: string },
): ReplicationError {
  return new ReplicationError({
    code: 'log-unreachable',
    message: `A batch of partition ${partition} cannot be decoded, and says to end at ${offset} where the log ends at ${highWatermark}.`,
    hint: 'Its head is damaged; it is read again, and nothing is skipped.',
    isRetryable: true,
  });
}

function notAllPartitions(got: number, wanted: number): ReplicationError {
  return new ReplicationError({
    code: 'log-unreachable',
    message: `Joining yielded ${got} of ${wanted} partitions: somebody else is in this consumer's group.`,
    hint: 'Two processes run with one origin, which must not be; a fresh consumer is tried.',
    isRetryable: true,
  });
}
