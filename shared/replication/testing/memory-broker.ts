/**
 * A broker in memory with Kafka's semantics, for what a real one cannot be made to do on command.
 *
 * One topic of several partitions: records at growing offsets, markers that take offsets and carry nothing, a low
 * and an end offset; and announcements, kept with their time. Faults are methods: unreachable, lost
 * acknowledgements, truncation, recreation, retention, gaps. The conformance suite runs on it and on Apache Kafka.
 * Readers are pumped by themselves, or, with `isStepped`, only when a scheduler calls `step()`.
 */
import type { AnnouncementChannel } from '../src/announcement.ts';
import type { ChangeLog, LogRecord, OutgoingRecord, PartitionOffsets } from '../src/change-log.ts';
import { MemoryAnnouncements, memoryChannel } from './memory-announcements.ts';
import { MemoryChangeLog } from './memory-change-log.ts';
import { tooLarge, unreachable } from './memory-errors.ts';

/** How a broker behaves. */
export interface MemoryBrokerOptions {
  readonly partitions?: number;
  /** Records of one read. Default 500. */
  readonly maxRecords?: number;
  /** Value bytes of one append; a larger one is refused. Default 1 048 576, as Kafka's. */
  readonly maxBytes?: number;
  /** True: nothing is delivered before `step()`. */
  readonly isStepped?: boolean;
  /** Milliseconds since 1970, for record timestamps. */
  readonly now?: () => number;
}

interface Partition {
  low: number;
  end: number;
  records: LogRecord[];
}

/** The broker. Give each replica a log of its own by `connect`. */
export class MemoryBroker {
  /** Announcements heard and sent through this broker. */
  readonly announcements: MemoryAnnouncements;
  readonly #options: Required<MemoryBrokerOptions>;
  #partitions: Partition[];
  readonly #clients = new Set<MemoryChangeLog>();
  #isReachable = true;
  #maxBytes: number;
  #acknowledgementsToLose = 0;
  #appendsToRefuse = 0;
  #appends = 0;

  constructor(options: MemoryBrokerOptions = {}) {
    this.#options = {
      partitions: 3,
      maxRecords: 500,
      maxBytes: 1_048_576,
      isStepped: false,
      now: () => Date.now(),
      ...options,
    };
    this.#maxBytes = this.#options.maxBytes;
    this.announcements = new MemoryAnnouncements(this.#options.now);
    this.#partitions = this.#fresh();
  }

  /** A client with a connection of its own. */
  connect(): { log: ChangeLog; channel: AnnouncementChannel; client: MemoryChangeLog } {
    const client = new MemoryChangeLog(this);
    this.#clients.add(client);
    return { log: client, channel: memoryChannel(this.announcements, client), client };
  }

  get isReachable(): boolean {
    return this.#isReachable;
  }

  get maxRecords(): number {
    return this.#options.maxRecords;
  }

  get partitions(): number {
    return this.#partitions.length;
  }

  /** Appends that reached this broker, refused ones included. */
  get appends(): number {
    return this.#appends;
  }

  /** The broker goes away or comes back. */
  setReachable(isReachable: boolean): void {
    this.#isReachable = isReachable;
    if (isReachable) this.wake();
  }

  /** An operator changes how large an append may be. */
  setMaxBytes(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }

  /** The next appends are stored, but their acknowledgements do not arrive. */
  loseAcknowledgements(count: number): void {
    this.#acknowledgementsToLose = count;
  }

  /** The next appends fail without being stored. */
  refuseAppends(count: number): void {
    this.#appendsToRefuse = count;
  }

  /** The log loses the records from `offset` on, acknowledged or not; new ones take their offsets. */
  truncate(partition: number, offset: number): void {
    const found = this.#at(partition);
    found.records = found.records.filter((record) => record.offset < offset);
    found.end = Math.min(found.end, Math.max(offset, found.low));
  }

  /** The topic is deleted and made anew, empty. Kafka's readers are interrupted by that, or go on as if nothing had been. */
  recreate({ areReadersInterrupted = false }: { areReadersInterrupted?: boolean } = {}): void {
    this.#partitions = this.#fresh();
    if (areReadersInterrupted) this.interruptReaders();
  }

  /** Partitions get other leaders: readers ask again where to read from. */
  interruptReaders(): void {
    for (const client of this.#clients) client.interrupt();
  }

  /** The topic gets more partitions, empty ones. */
  grow(partitions: number): void {
    while (this.#partitions.length < partitions) this.#partitions.push({ low: 0, end: 0, records: [] });
  }

  /** Retention removes the records below `offset`. */
  retain(partition: number, offset: number): void {
    const found = this.#at(partition);
    found.low = Math.max(found.low, offset);
    found.end = Math.max(found.end, found.low);
    found.records = found.records.filter((record) => record.offset >= offset);
  }

  /** A stranger's transaction leaves a marker. */
  appendMarker(partition: number): void {
    this.#push(partition, { isMarker: true, key: null, value: null, headers: {} });
    this.wake();
  }

  /** Offsets are used up and nothing is there: neither record nor marker. */
  appendGap(partition: number, offsets = 1): void {
    this.#at(partition).end += offsets;
    this.wake();
  }

  /** A batch that no reader can decode takes this many offsets. */
  appendUnreadable(partition: number, offsets: number): void {
    const found = this.#at(partition);
    const next = found.end + offsets;
    const unreadable = { next, why: 'its codec is not known' };
    this.#push(partition, { isMarker: false, key: null, value: null, headers: {}, unreadable });
    found.end = next;
    this.wake();
  }

  /** Records become one batch that no reader can decode, as a flipped byte on the broker's disk would make it. */
  makeUnreadable(partition: number, from: number, next: number): void {
    const found = this.#at(partition);
    const unreadable = { next, why: 'it is damaged' };
    found.records = found.records
      .map((one) => (one.offset === from ? { ...one, key: null, value: null, headers: {}, unreadable } : one))
      .filter(({ offset }) => offset <= from || offset >= next);
  }

  /** A record changes in the log, as a flipped byte on the broker's disk would. */
  alter(partition: number, offset: number, change: Partial<LogRecord>): void {
    const found = this.#at(partition);
    found.records = found.records.map((one) => (one.offset === offset ? { ...one, ...change } : one));
  }

  /** Anything at all is appended: every producer could do so. */
  appendRaw(partition: number, record: Pick<LogRecord, 'key' | 'value' | 'headers'>): number {
    const offset = this.#push(partition, { isMarker: false, ...record });
    this.wake();
    return offset;
  }

  /** Everything in a partition. */
  records(partition: number): readonly LogRecord[] {
    return this.#at(partition).records;
  }

  /** All records of all partitions that carry something. */
  allRecords(): LogRecord[] {
    return this.#partitions.flatMap(({ records }) => records.filter(({ isMarker }) => !isMarker));
  }

  /** Delivers one read to one client that has something to read. False when nobody has. */
  async step(pick: (choices: number) => number = () => 0): Promise<boolean> {
    const hungry = [...this.#clients].filter((client) => client.isHungry());
    const client = hungry[pick(hungry.length)];
    return client ? client.deliver() : false;
  }

  /** Every reader breaks off by itself, as a consumer that crashed. */
  breakReaders(): void {
    for (const client of this.#clients) client.breakOff(unreachable('the reader crashed'));
  }

  /** For clients: appends and says the last offset. */
  append(partition: number, records: readonly OutgoingRecord[]): number {
    this.#appends += 1;
    if (this.#appendsToRefuse > 0) {
      this.#appendsToRefuse -= 1;
      throw unreachable('the append was refused');
    }
    const bytes = records.reduce((sum, { value }) => sum + value.length, 0);
    if (bytes > this.#maxBytes) throw tooLarge(bytes, this.#maxBytes);
    let last = -1;
    for (const { key, value, headers } of records) {
      const asBuffers = Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]),
      );
      last = this.#push(partition, { isMarker: false, key: Buffer.from(key), value, headers: asBuffers });
    }
    this.wake();
    if (this.#acknowledgementsToLose > 0) {
      this.#acknowledgementsToLose -= 1;
      throw unreachable('the acknowledgement was lost');
    }
    return last;
  }

  /** For clients: low and end of every partition. */
  offsets(): PartitionOffsets[] {
    return this.#partitions.map(({ low, end }, partition) => ({ partition, low, end }));
  }

  /** For clients: low and end of one partition. */
  bounds(partition: number): Readonly<Pick<Partition, 'low' | 'end'>> {
    return this.#at(partition);
  }

  /** For clients: a client left. */
  forget(client: MemoryChangeLog): void {
    this.#clients.delete(client);
  }

  /** Lets clients that pump themselves look for new records. */
  wake(): void {
    if (this.#options.isStepped) return;
    for (const client of this.#clients) client.pump();
  }

  #push(partition: number, record: Omit<LogRecord, 'offset' | 'timestampMs'>): number {
    const found = this.#at(partition);
    const offset = found.end;
    found.records.push({ ...record, offset, timestampMs: this.#options.now() });
    found.end += 1;
    return offset;
  }

  #at(partition: number): Partition {
    const found = this.#partitions[partition];
    if (!found) throw unreachable(`there is no partition ${partition}`);
    return found;
  }

  #fresh(): Partition[] {
    return Array.from({ length: this.#options.partitions }, () => ({ low: 0, end: 0, records: [] }));
  }
}
