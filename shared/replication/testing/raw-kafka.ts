/**
 * A raw client of a topic, for tests that do what no replica would: send old events again, send garbage.
 */
import { type Consumer, createKafka, type Kafka, leave, withDeadline } from '../src/kafka/kafka.ts';
import { silentLogger } from '../src/surroundings.ts';

/** A record, as a stranger may make one. */
export interface RawKafkaRecord {
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string>>;
}

type Visit = (record: RawKafkaRecord & { readonly offset: number }) => 'enough' | undefined;

/** Sends and reads records of one topic. */
export interface RawTopic {
  /** Everything from the start to the ends of this moment. */
  readAll(): Promise<RawKafkaRecord[]>;
  /** Reads everything and does nothing with it; how many records came in how long, from the first batch on. */
  drain(): Promise<{ records: number; ms: number }>;
  /**
   * The same one by one, each partition in its order, for a topic that is too large to be held; ends early when
   * `visit` says that it has had enough.
   */
  visitAll(visit: Visit): Promise<void>;
  /** First and next offset of each partition. */
  offsets(): Promise<{ partition: number; low: number; end: number }[]>;
  /** Resolves with where they are now, in their order. */
  send(records: readonly RawKafkaRecord[]): Promise<{ partition: number; offset: number }[]>;
  /** Deletes the topic with everything in it. */
  drop(): Promise<void>;
  /** Deletes the records below `offset` of each partition that has as many, as retention would. */
  cut(offset: number): Promise<void>;
  /** Deletes the records below these ends, and none that came since they were asked for, as retention would. */
  cutTo(ends: readonly { readonly partition: number; readonly end: number }[]): Promise<void>;
  /** Sends within a transaction that is committed or aborted: it leaves a marker behind. */
  sendInTransaction(records: readonly RawKafkaRecord[], outcome: 'commit' | 'abort'): Promise<void>;
}

let clients = 0;

/** Longest time for reading a whole topic, in milliseconds; ten times what the largest of a long run takes. */
const VISIT_MS = 300_000;

/** Opens a topic that exists. Every call connects and leaves by itself. */
export function rawTopic(
  bootstrap: string,
  topic: string,
  { visitMs = VISIT_MS }: { visitMs?: number } = {},
): RawTopic {
  const visitAll = (visit: Visit): Promise<void> => visitTopic(kafka, topic, { visit, visitMs });
  clients += 1;
  const clientId = `raw-${process.pid}-${clients}`;
  const kafka = createKafka({ brokers: [bootstrap] }, { clientId, logger: silentLogger });
  return {
    async readAll() {
      const records: RawKafkaRecord[] = [];
      await visitAll(({ offset: _, ...record }) => {
        records.push(record);
        return undefined;
      });
      return records;
    },
    drain: () => drain(kafka, topic, `${clientId}-drain`),
    visitAll,
    async offsets() {
      const admin = kafka.admin();
      await admin.connect();
      try {
        const found = await admin.fetchTopicOffsets(topic);
        return found.map(({ partition, low, high }) => ({ partition, low: Number(low), end: Number(high) }));
      } finally {
        await admin.disconnect();
      }
    },
    async send(records) {
      const producer = kafka.producer({ allowAutoTopicCreation: false });
      await producer.connect();
      const sent = await producer.send({ topic, messages: records.map(toMessage) });
      await producer.disconnect();
      // What goes to one partition goes in one batch.
      const next = new Map(sent.map(({ partition, baseOffset }) => [partition, Number(baseOffset)]));
      return records.map(({ partition }) => {
        const offset = next.get(partition) ?? Number.NaN;
        next.set(partition, offset + 1);
        return { partition, offset };
      });
    },
    async drop() {
      const admin = kafka.admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [topic] });
      await admin.disconnect();
    },
    async cut(offset) {
      const ends = (await this.offsets()).filter(({ end }) => end >= offset);
      await this.cutTo(ends.map(({ partition }) => ({ partition, end: offset })));
    },
    async cutTo(ends) {
      const admin = kafka.admin();
      await admin.connect();
      // Deleting looks for the leaders in metadata that it does not ask for, and fails without.
      await admin.fetchTopicOffsets(topic);
      const partitions = ends.map(({ partition, end }) => ({ partition, offset: String(end) }));
      await admin.deleteTopicRecords({ topic, partitions });
      await admin.disconnect();
    },
    async sendInTransaction(records, outcome) {
      const producer = kafka.producer({
        transactionalId: `${clientId}-transaction`,
        idempotent: true,
        maxInFlightRequests: 1,
        allowAutoTopicCreation: false,
        retry: { retries: 10 },
      });
      await producer.connect();
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: records.map(toMessage) });
      await transaction[outcome]();
      await producer.disconnect();
    },
  };
}

async function visitTopic(
  kafka: Kafka,
  topic: string,
  { visit, visitMs }: { visit: Visit; visitMs: number },
): Promise<void> {
  clients += 1;
  const groupId = `raw-${process.pid}-reader-${clients}`;
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200, allowAutoTopicCreation: false });
  const call = async (): Promise<void> => {
    await admin.connect();
    const offsets = await admin.fetchTopicOffsets(topic);
    const ends = offsets.filter(({ low, high }) => Number(high) > Number(low));
    if (ends.length > 0) await visitUpTo(consumer, { topic, ends, visit });
  };
  try {
    await withDeadline(`reading all of ${topic}`, call, visitMs);
  } finally {
    await leave('reader', consumer);
    await leave('admin', admin);
  }
}

async function visitUpTo(
  consumer: Consumer,
  { topic, ends, visit }: { topic: string; ends: { partition: number; high: string }[]; visit: Visit },
): Promise<void> {
  const unread = new Map(ends.map(({ partition, high }) => [partition, Number(high)]));
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    // Also for batches that hold nothing but aborted records and markers, of which `eachBatch` is not told.
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { partition, lastOffset } }) => {
      if (Number(lastOffset) + 1 >= (unread.get(partition) ?? 0)) unread.delete(partition);
      if (unread.size === 0) resolve();
    });
    void consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        for (const { key, value, headers, offset } of batch.messages) {
          const kept = Object.entries(headers ?? {}).flatMap(([name, one]) =>
            Buffer.isBuffer(one) ? [[name, one] as const] : [],
          );
          const { partition } = batch;
          const record = { partition, offset: Number(offset), key, value, headers: Object.fromEntries(kept) };
          if (visit(record) === 'enough') return resolve();
        }
      },
    });
  });
}

async function drain(kafka: Kafka, topic: string, groupId: string): Promise<{ records: number; ms: number }> {
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const total = offsets.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200, allowAutoTopicCreation: false });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let seen = 0;
  let first: { records: number; atMs: number } | undefined;
  const ms = await new Promise<number>((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    void consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        seen += batch.messages.length;
        first ??= { records: seen, atMs: performance.now() };
        if (seen >= total) resolve(performance.now() - first.atMs);
      },
    });
  });
  await consumer.disconnect();
  return { records: total - (first?.records ?? 0), ms };
}

function toMessage({ partition, key, value, headers }: RawKafkaRecord): {
  partition: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, Buffer | string>;
} {
  return { partition, key, value, headers: { ...headers } };
}
