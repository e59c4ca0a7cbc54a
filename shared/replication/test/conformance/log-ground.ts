/**
 * What the conformance suite needs of a log: the two ports, and what only a stranger or an operator does to a topic.
 */
import type { AnnouncementChannel, AnnouncementMessage } from '../../src/announcement.ts';
import type {
  ChangeLog,
  Following,
  LogRead,
  LogReader,
  LogRecord,
  Onward,
  OutgoingRecord,
} from '../../src/change-log.ts';
import { isReplicationError } from '../../src/errors.ts';
import { waitUntil } from '../../testing/index.ts';

/** Partitions of the topic under test. */
export const PARTITIONS = 3;

/** Records of one piece at most. */
export const PIECE = 10;

/** Bytes of one append that every log under test refuses. */
export const TOO_MANY_BYTES = 1_500_000;

/** One topic of its own, and who can do what to it. */
export interface LogGround {
  /** A client with connections of its own. */
  connect(): { log: ChangeLog; channel: AnnouncementChannel };
  /** A client whose broker is away. */
  connectToNobody(): { log: ChangeLog; channel: AnnouncementChannel };
  /** A stranger writes values to a partition in a transaction and ends it. */
  transact(partition: number, values: readonly string[], end: 'commit' | 'abort'): Promise<void>;
  /** Retention removes everything below an offset. */
  retain(partition: number, offset: number): Promise<void>;
  /** The topic is given more partitions: so many in all. */
  grow(partitions: number): Promise<void>;
  /** The topic is deleted with everything in it; the next client that opens it makes it anew. */
  recreate(): Promise<void>;
  /** Appends are stored, and no answer to them arrives, however often the client itself sends them. */
  loseAcknowledgements(isLosing: boolean): void;
  /** The record of a partition with this value, which nothing else contains, is read with the last bit of it flipped. */
  change(partition: number, value: string): void;
  /** Somebody announced this a while ago. */
  announced(message: AnnouncementMessage, agoMs: number): Promise<void>;
  /** Removes the topic and ends all clients. */
  close(): Promise<void>;
}

/** Records with the given values, as an application would append them. */
export function outgoing(...values: readonly string[]): OutgoingRecord[] {
  return values.map((value) => ({
    key: `key of ${value}`,
    value: Buffer.from(value),
    headers: { ce_id: value, odd: 'ü \n' },
  }));
}

/** A reader that collects what it is given and answers as told. */
export class Collector implements LogReader {
  readonly reads: LogRead[] = [];
  readonly errors: unknown[] = [];
  /** Where to start each partition; 0 unless given. */
  readonly starts = new Map<number, number>();
  asked = 0;
  /** Decides the answer to a read. */
  answer: (read: LogRead) => Onward | Promise<Onward> = () => 'go on';

  startOf(partition: number): number {
    this.asked += 1;
    return this.starts.get(partition) ?? 0;
  }

  async take(read: LogRead): Promise<Onward> {
    this.reads.push(read);
    return this.answer(read);
  }

  broke(error: unknown): void {
    this.errors.push(error);
  }

  /** Records of a partition in the order in which they came. */
  records(partition: number): LogRecord[] {
    return this.reads.filter((read) => read.partition === partition).flatMap(({ records }) => records);
  }

  /** Texts of the values of a partition; markers as `-`. */
  values(partition: number): string[] {
    return this.records(partition).map(({ isMarker, value }) => (isMarker ? '-' : String(value)));
  }

  /** Resolves when everything below `next` of the partition was taken. */
  async hasRead(partition: number, next: number): Promise<void> {
    await waitUntil(
      `partition ${partition} is read up to ${next}`,
      () => {
        const last = this.reads.findLast((read) => read.partition === partition);
        return (last?.next ?? 0) >= next || `it is read up to ${last?.next}, errors: ${this.errors.join()}`;
      },
      30_000,
    );
  }
}

/** A topic with one open client, and readers that are ended with it. */
export class LogContext {
  readonly ground: LogGround;
  readonly log: ChangeLog;
  readonly #followings: Following[] = [];

  private constructor(ground: LogGround, log: ChangeLog) {
    this.ground = ground;
    this.log = log;
  }

  static async open(makeGround: () => Promise<LogGround>): Promise<LogContext> {
    const ground = await makeGround();
    const { log } = ground.connect();
    await log.open();
    return new LogContext(ground, log);
  }

  /** Follows; a broker that has just started loads its coordinators, which is worth another try. */
  async follow(reader: Collector): Promise<Following> {
    let following: Following | undefined;
    await waitUntil('following begins', async () => {
      following = await this.log.follow(reader).catch((error: unknown) => {
        if (isReplicationError(error, 'log-unreachable')) return undefined;
        throw error;
      });
      return following !== undefined;
    });
    if (!following) throw new Error('following did not begin');
    this.#followings.push(following);
    return following;
  }

  async close(): Promise<void> {
    for (const following of this.#followings) await following.stop();
    await this.ground.close();
  }
}

/** `count` texts: v0, v1, … */
export function numbered(count: number, prefix = 'v'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}
