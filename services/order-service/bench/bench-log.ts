/**
 * A log that costs as little as a log can: it acknowledges at once, hands what it got back to its reader, and forgets
 * it. What is left of a replica's write path on top of it is the replica's own work.
 */
import type { ReplicaOptions } from '@dbsync/replication';

type Replication = NonNullable<ReplicaOptions['replication']>;
type Log = Replication['log'];
type Reader = Parameters<Log['follow']>[0];
type LogRecord = Parameters<Reader['take']>[0]['records'][number];

/** Records of one read at most, as with Kafka. */
const MAX_RECORDS = 500;

/** A log and announcements for one replica alone. */
export function benchReplication(): Replication {
  return {
    topic: 'orders.changes',
    log: new BenchLog(),
    channel: {
      open: async () => undefined,
      send: async () => undefined,
      follow: async () => ({ stop: async () => undefined }),
      close: async () => undefined,
    },
  };
}

class BenchLog implements Log {
  #end = 0;
  #waiting: LogRecord[] = [];
  #reader: Reader | undefined;
  #delivering: Promise<void> | undefined;

  async open(): Promise<{ partitions: number }> {
    return { partitions: 1 };
  }

  async offsets(): Promise<{ partition: number; low: number; end: number }[]> {
    return [{ partition: 0, low: 0, end: this.#end }];
  }

  async append(_partition: number, records: Parameters<Log['append']>[1]): Promise<{ lastOffset: number }> {
    for (const { key, value, headers } of records) {
      const asBuffers: Record<string, Buffer> = {};
      for (const name in headers) asBuffers[name] = Buffer.from(headers[name] ?? '');
      this.#waiting.push({
        offset: this.#end++,
        isMarker: false,
        timestampMs: 0,
        key: Buffer.from(key),
        value,
        headers: asBuffers,
      });
    }
    this.#delivering ??= this.#deliver();
    return { lastOffset: this.#end - 1 };
  }

  async follow(reader: Reader): ReturnType<Log['follow']> {
    reader.startOf(0);
    this.#reader = reader;
    return {
      seek: () => undefined,
      stop: async () => {
        this.#reader = undefined;
        await this.#delivering;
      },
    };
  }

  async close(): Promise<void> {
    this.#reader = undefined;
  }

  async #deliver(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#reader && this.#waiting.length > 0) {
      const records = this.#waiting.splice(0, MAX_RECORDS);
      const [first, last] = [records[0], records.at(-1)];
      if (!first || !last) break;
      await this.#reader.take({
        partition: 0,
        from: first.offset,
        records,
        next: last.offset + 1,
        end: this.#end,
      });
    }
    this.#delivering = undefined;
  }
}
