/**
 * The change log on Apache Kafka.
 *
 * One admin client, one idempotent producer with a single request in flight, and one reader at a time. A producer
 * whose send failed is thrown away: its sequence numbers may be broken for good, and sending again with a fresh one
 * costs at most duplicates, which the chain drops.
 */
import type { ChangeLog, Following, LogReader, OutgoingRecord, PartitionOffsets } from '../change-log.ts';
import { ReplicationError } from '../errors.ts';
import type { Logger } from '../surroundings.ts';
import { deleteGroups } from './consumer-group.ts';
import { type Admin, type Kafka, leave, type Producer, withDeadline } from './kafka.ts';
import { startReader } from './kafka-reader.ts';
import { ensureTopic, type TopicPlan } from './kafka-topic.ts';

/** How the log is put together. */
export interface KafkaChangeLogOptions {
  readonly kafka: Kafka;
  readonly plan: TopicPlan;
  /** Prefix of consumer group ids, unique to this run. */
  readonly groupPrefix: string;
  /** Records of one piece that a reader takes. */
  readonly maxRecords: number;
  readonly logger: Logger;
}

/** Makes the log; nothing is connected before `open`. */
export function createKafkaChangeLog(options: KafkaChangeLogOptions): ChangeLog {
  return new KafkaChangeLog(options);
}

class KafkaChangeLog implements ChangeLog {
  readonly #options: KafkaChangeLogOptions;
  #admin: Admin | undefined;
  #producer: Producer | undefined;
  #following: Following | undefined;
  #groups: string[] = [];
  #readers = 0;
  #partitions = 0;

  constructor(options: KafkaChangeLogOptions) {
    this.#options = options;
  }

  async open(): Promise<{ partitions: number }> {
    const { plan, logger } = this.#options;
    const partitions = await this.#asking((admin) => ensureTopic(admin, plan, logger));
    // A producer sends to those partitions that it has heard of, for minutes.
    if (partitions !== this.#partitions) this.#dropProducer();
    this.#partitions = partitions;
    // Connected before it is needed, so that the first row is not the slow one.
    await this.#connectedProducer();
    return { partitions: this.#partitions };
  }

  async offsets(): Promise<readonly PartitionOffsets[]> {
    const { topic } = this.#options.plan;
    const found = await this.#asking((admin) =>
      withDeadline(`asking for the ends of ${topic}`, () => admin.fetchTopicOffsets(topic), 5000),
    );
    return found.map(({ partition, low, high }) => ({ partition, low: Number(low), end: Number(high) }));
  }

  async append(partition: number, records: readonly OutgoingRecord[]): Promise<{ lastOffset: number }> {
    const { topic } = this.#options.plan;
    const messages = records.map(({ key, value, headers }) => ({
      partition,
      key,
      value,
      headers: { ...headers },
    }));
    try {
      const producer = await this.#connectedProducer();
      const [sent] = await withDeadline(`appending to ${topic}`, () =>
        producer.send({ topic, messages, acks: -1, timeout: 5000 }),
      );
      // kafkajs leaves out, without a word, what is for a partition that it has not heard of.
      if (sent?.baseOffset === undefined) throw nothingSent(topic, partition);
      return { lastOffset: Number(sent.baseOffset) + records.length - 1 };
    } catch (error) {
      this.#dropProducer();
      throw error;
    }
  }

  async follow(reader: LogReader): Promise<Following> {
    await this.#following?.stop();
    const { kafka, plan, groupPrefix, maxRecords } = this.#options;
    this.#readers += 1;
    const groupId = `${groupPrefix}.${this.#readers}`;
    this.#groups = [...this.#groups.slice(-9), groupId];
    const { topic } = plan;
    this.#following = await startReader({
      kafka,
      topic,
      groupId,
      partitions: this.#partitions,
      maxRecords,
      reader,
    });
    return this.#following;
  }

  async close(): Promise<void> {
    await this.#following?.stop();
    if (this.#producer) await leave('producer', this.#producer);
    if (this.#admin && this.#groups.length > 0) {
      const { logger } = this.#options;
      await deleteGroups(this.#admin, { groups: this.#groups, deadlineMs: 2000, logger });
    }
    if (this.#admin) await leave('admin', this.#admin);
    this.#producer = undefined;
    this.#admin = undefined;
  }

  #dropProducer(): void {
    const dropped = this.#producer;
    this.#producer = undefined;
    if (dropped) void leave('producer', dropped);
  }

  async #connectedProducer(): Promise<Producer> {
    if (this.#producer) return this.#producer;
    const producer = this.#options.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: { retries: 2, initialRetryTime: 50 },
    });
    try {
      await withDeadline('connecting the producer', () => producer.connect());
    } catch (error) {
      void leave('producer', producer);
      throw error;
    }
    this.#producer = producer;
    return producer;
  }

  /** Runs a question with a connected admin client; one that failed is thrown away. */
  async #asking<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#admin ?? this.#options.kafka.admin();
    try {
      if (!this.#admin) {
        await withDeadline('connecting', () => admin.connect());
        this.#admin = admin;
      }
      return await question(admin);
    } catch (error) {
      this.#admin = undefined;
      void leave('admin', admin);
      throw error;
    }
  }
}

function nothingSent(topic: string, partition: number): ReplicationError {
  return new ReplicationError({
    code: 'log-unreachable',
    message: `Nothing was sent to partition ${partition} of ${topic}: the client does not know it.`,
    hint: 'The topic was given partitions or made anew; it is tried again with a fresh client.',
    isRetryable: true,
  });
}
