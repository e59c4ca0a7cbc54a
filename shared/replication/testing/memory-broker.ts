/**
 * A broker in memory with Kafka's semantics, for what a real one cannot be made to do on command.
 *
 * One topic of several partitions: records at growing offsets, markers that take offsets and carry nothing, a low
 * and an end offset. Faults are methods: unreachable, lost acknowledgements, truncation, recreation, retention.
 * The conformance suite runs on it and on Apache Kafka. Readers are pumped by themselves, or, with
 * `isStepped`, only when a scheduler calls `step()`.
 */
import type { AnnouncementChannel, AnnouncementMessage } from '../src/announcement.ts';
import type {
  ChangeLog,
  Following,
  LogReader,
  LogRecord,
  OutgoingRecord,
  PartitionOffsets,
} from '../src/change-log.ts';
import { ReplicationError } from '../src/errors.ts';

/** How a broker behaves. */
export interface MemoryBrokerOptions {
  readonly partitions?: number;
  /** Records of one read. Default 500. */
  readonly maxRecords?: number;
  /** True: nothing is delivered before `step()`. */
  readonly isStepped?: boolean;
  /** Milliseconds since 1970, for record timestamps. */
  readonly now?: () => number;
}

interface Partition {
  low: number;
  records: LogRecord[];
}

/** The broker. Give each replica a log of its own by `connect`. */
export class MemoryBroker {
  readonly #options: Required<MemoryBrokerOptions>;
  #partitions: Partition[];
  readonly #clients = new Set<MemoryChangeLog>();
  readonly #listeners = new Set<(message: AnnouncementMessage) => void>();
  #isReachable = true;
  #acknowledgementsToLose = 0;
  #appendsToRefuse = 0;

  constructor(options: MemoryBrokerOptions = {}) {
    this.#options = { partitions: 3, maxRecords: 500, isStepped: false, now: () => Date.now(), ...options };
    this.#partitions = this.#fresh();
  }

  /** A client with a connection of its own. */
  connect(): { log: ChangeLog; channel: AnnouncementChannel; client: MemoryChangeLog } {
    const client = new MemoryChangeLog(this);
    this.#clients.add(client);
    return { log: client, channel: this.#channel(), client };
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

  /** The broker goes away or comes back. */
  setReachable(isReachable: boolean): void {
    this.#isReachable = isReachable;
    if (isReachable) this.wake();
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
  }

  /** The topic is deleted and made anew, empty. */
  recreate(): void {
    this.#partitions = this.#fresh();
  }

  /** Retention removes the records below `offset`. */
  retain(partition: number, offset: number): void {
    const found = this.#at(partition);
    found.low = Math.max(found.low, offset);
    found.records = found.records.filter((record) => record.offset >= offset);
  }

  /** A stranger's transaction leaves a marker. */
  appendMarker(partition: number): void {
    this.#push(partition, { isMarker: true, key: null, value: null, headers: {} });
    this.wake();
  }

  /** Anything at all is appended, as any producer could. */
  appendRaw(partition: number, record: Pick<LogRecord, 'key' | 'value' | 'headers'>): number {
    const offset = this.#push(partition, { isMarker: false, ...record });
    this.wake();
    return offset;
  }

  /** Everything in a partition. */
  records(partition: number): readonly LogRecord[] {
    return this.#at(partition).records;
  }

  /** Delivers one read to one client that has something to read. False when nobody has. */
  async step(pick: (choices: number) => number = () => 0): Promise<boolean> {
    const hungry = [...this.#clients].filter((client) => client.isHungry());
    const client = hungry[pick(hungry.length)];
    return client ? client.deliver() : false;
  }

  /** For clients: appends and says the last offset. */
  append(partition: number, records: readonly OutgoingRecord[]): number {
    if (this.#appendsToRefuse > 0) {
      this.#appendsToRefuse -= 1;
      throw unreachable('the append was refused');
    }
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
    return this.#partitions.map((_, partition) => ({
      partition,
      low: this.#at(partition).low,
      end: this.end(partition),
    }));
  }

  /** For clients: the next offset of a partition. */
  end(partition: number): number {
    const { low, records } = this.#at(partition);
    return (records.at(-1)?.offset ?? low - 1) + 1;
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

  #channel(): AnnouncementChannel {
    const mine = new Set<(message: AnnouncementMessage) => void>();
    const assertReachable = (): void => {
      if (!this.#isReachable) throw unreachable('the broker is away');
    };
    return {
      open: async () => assertReachable(),
      send: async (message) => {
        assertReachable();
        for (const hear of this.#listeners) hear(message);
      },
      follow: async ({ hear }) => {
        assertReachable();
        mine.add(hear);
        this.#listeners.add(hear);
        return { stop: async () => void this.#listeners.delete(hear) };
      },
      close: async () => {
        for (const hear of mine) this.#listeners.delete(hear);
      },
    };
  }

  #push(partition: number, record: Omit<LogRecord, 'offset' | 'timestampMs'>): number {
    const found = this.#at(partition);
    const offset = this.end(partition);
    found.records.push({ ...record, offset, timestampMs: this.#options.now() });
    return offset;
  }

  #at(partition: number): Partition {
    const found = this.#partitions[partition];
    if (!found) throw unreachable(`there is no partition ${partition}`);
    return found;
  }

  #fresh(): Partition[] {
    return Array.from({ length: this.#options.partitions }, () => ({ low: 0, records: [] }));
  }
}

/** One client's view of the broker. */
export class MemoryChangeLog implements ChangeLog {
  readonly #broker: MemoryBroker;
  #reader: LogReader | undefined;
  #cursors = new Map<number, number>();
  #pumping: Promise<void> | undefined;
  #isCut = false;

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  /** Cuts this client alone off from the broker, or connects it again. */
  setCut(isCut: boolean): void {
    this.#isCut = isCut;
    if (!isCut) this.#broker.wake();
  }

  async open(): Promise<{ partitions: number }> {
    this.#assertReachable();
    return { partitions: this.#broker.partitions };
  }

  async offsets(): Promise<readonly PartitionOffsets[]> {
    this.#assertReachable();
    return this.#broker.offsets();
  }

  async append(partition: number, records: readonly OutgoingRecord[]): Promise<{ lastOffset: number }> {
    this.#assertReachable();
    return { lastOffset: this.#broker.append(partition, records) };
  }

  async follow(reader: LogReader): Promise<Following> {
    this.#assertReachable();
    this.#reader = reader;
    this.#seek();
    if (!this.#isStoppedFor(reader)) this.#broker.wake();
    return {
      stop: async () => {
        if (this.#reader === reader) this.#reader = undefined;
        await this.#pumping;
      },
    };
  }

  async close(): Promise<void> {
    this.#reader = undefined;
    await this.#pumping;
    this.#broker.forget(this);
  }

  /** True when a read would find something. */
  isHungry(): boolean {
    return this.#nextPartition() !== undefined;
  }

  /** Delivers one read; false when there is nothing to read. */
  async deliver(): Promise<boolean> {
    const reader = this.#reader;
    const partition = this.#nextPartition();
    if (!reader || partition === undefined) return false;
    const cursor = this.#cursors.get(partition) ?? 0;
    const records = this.#broker.records(partition);
    const [first] = this.#broker.offsets().filter((one) => one.partition === partition);
    // As kafkajs does: an offset out of range is reset to the earliest without a word.
    const from = first && (cursor < first.low || cursor > first.end) ? first.low : cursor;
    const piece = records.filter(({ offset }) => offset >= from).slice(0, this.#broker.maxRecords);
    const next = (piece.at(-1)?.offset ?? from - 1) + 1;
    const answer = await reader.take({
      partition,
      from,
      records: piece,
      next,
      end: this.#broker.end(partition),
    });
    if (this.#isStoppedFor(reader)) return true;
    if (answer === 'seek') this.#seek();
    else this.#cursors.set(partition, next);
    return true;
  }

  /** Delivers everything there is, one read at a time, in the background. */
  pump(): void {
    this.#pumping ??= (async () => {
      await new Promise<void>((resolve) => setImmediate(resolve));
      while (await this.deliver()) await new Promise<void>((resolve) => setImmediate(resolve));
      this.#pumping = undefined;
    })();
  }

  #nextPartition(): number | undefined {
    if (!this.#reader || this.#isCut || !this.#broker.isReachable) return undefined;
    const found = this.#broker.offsets().find(({ partition, low, end }) => {
      const cursor = this.#cursors.get(partition) ?? 0;
      return end > low && cursor !== end;
    });
    return found?.partition;
  }

  #seek(): void {
    for (let partition = 0; partition < this.#broker.partitions; partition += 1) {
      this.#cursors.set(partition, this.#reader?.startOf(partition) ?? 0);
    }
  }

  #isStoppedFor(reader: LogReader): boolean {
    return this.#reader !== reader;
  }

  #assertReachable(): void {
    if (this.#isCut || !this.#broker.isReachable) throw unreachable('the broker is away');
  }
}

function unreachable(what: string): ReplicationError {
  return new ReplicationError({
    code: 'log-unreachable',
    message: `In-memory log: ${what}.`,
    hint: 'This is a test.',
    isRetryable: true,
  });
}
