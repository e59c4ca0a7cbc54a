/**
 * Announcements on Kafka: a small topic of one partition, kept for an hour, read from ten seconds ago.
 */
import type { AnnouncementChannel, AnnouncementMessage } from '../announcement.ts';
import type { LogRecord } from '../change-log.ts';
import type { Logger } from '../surroundings.ts';
import { deleteGroups } from './consumer-group.ts';
import { type Kafka, leave, type Producer, withDeadline } from './kafka.ts';
import { startReader } from './kafka-reader.ts';
import { ensureTopic, type TopicPlan } from './kafka-topic.ts';

/** How far back a new listener reads, in milliseconds: enough to hear everybody twice. */
const LOOK_BACK_MS = 10_000;

/** How the channel is put together. */
export interface KafkaAnnouncementsOptions {
  readonly kafka: Kafka;
  readonly plan: TopicPlan;
  /** Prefix of consumer group ids, unique to this process. */
  readonly groupPrefix: string;
  readonly logger: Logger;
}

/** Makes the channel; nothing is connected before `open`. */
export function createKafkaAnnouncements(options: KafkaAnnouncementsOptions): AnnouncementChannel {
  return new KafkaAnnouncements(options);
}

class KafkaAnnouncements implements AnnouncementChannel {
  readonly #options: KafkaAnnouncementsOptions;
  #producer: Producer | undefined;
  #listeners = 0;

  constructor(options: KafkaAnnouncementsOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { kafka, plan, logger } = this.#options;
    const admin = kafka.admin();
    try {
      await withDeadline('connecting', () => admin.connect());
      await ensureTopic(admin, plan, logger);
    } finally {
      await leave('admin', admin);
    }
  }

  async send({ key, value, signature }: AnnouncementMessage): Promise<void> {
    const { topic } = this.#options.plan;
    try {
      const producer = await this.#connectedProducer();
      const messages = [{ key, value, headers: { signature } }];
      await withDeadline(
        'announcing',
        () => producer.send({ topic, messages, acks: 1, timeout: 2000 }),
        4000,
      );
    } catch (error) {
      const broken = this.#producer;
      this.#producer = undefined;
      if (broken) void leave('producer', broken);
      throw error;
    }
  }

  async follow(listener: {
    hear(message: AnnouncementMessage): void;
    broke(error: unknown): void;
  }): Promise<{ stop(): Promise<void> }> {
    const { kafka, plan, groupPrefix } = this.#options;
    let next = await this.#recentOffset();
    this.#listeners += 1;
    const groupId = `${groupPrefix}.${this.#listeners}`;
    const following = await startReader({
      kafka,
      topic: plan.topic,
      groupId,
      partitions: plan.partitions,
      maxRecords: 1000,
      reader: {
        startOf: () => next,
        take: async (read) => {
          for (const record of read.records) {
            const heard = toMessage(record);
            if (heard) listener.hear(heard);
          }
          // Nothing depends on having heard everything: where the log jumps, so do we.
          next = read.next;
          return 'go on';
        },
        broke: listener.broke,
      },
    });
    const stop = async (): Promise<void> => {
      await following.stop();
      await this.#deleteGroup(groupId);
    };
    return { stop };
  }

  async close(): Promise<void> {
    if (this.#producer) await leave('producer', this.#producer);
    this.#producer = undefined;
  }

  async #recentOffset(): Promise<number> {
    const { kafka, plan } = this.#options;
    const admin = kafka.admin();
    try {
      await withDeadline('connecting', () => admin.connect());
      const [found] = await withDeadline('looking for recent announcements', () =>
        admin.fetchTopicOffsetsByTimestamp(plan.topic, Date.now() - LOOK_BACK_MS),
      );
      return Number(found?.offset ?? 0);
    } finally {
      await leave('admin', admin);
    }
  }

  async #deleteGroup(groupId: string): Promise<void> {
    const { kafka, logger } = this.#options;
    const admin = kafka.admin();
    await deleteGroups(admin, { groups: [groupId], deadlineMs: 1500, logger });
    await leave('admin', admin);
  }

  async #connectedProducer(): Promise<Producer> {
    if (this.#producer) return this.#producer;
    const producer = this.#options.kafka.producer({ allowAutoTopicCreation: false });
    this.#producer = producer;
    await withDeadline('connecting the announcer', () => producer.connect());
    return producer;
  }
}

function toMessage({ key, value, headers }: LogRecord): AnnouncementMessage | undefined {
  const signature = headers.signature;
  if (!key || !value || !signature) return undefined;
  return { key: key.toString('utf8'), value, signature: signature.toString('latin1') };
}
