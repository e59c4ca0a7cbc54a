/**
 * Announcements on Kafka: a small topic of one partition, kept for an hour, read from ten seconds ago.
 */
import type { AnnouncementChannel, AnnouncementMessage } from '../announcement.ts';
import type { Logger } from '../surroundings.ts';
import { type Consumer, type Kafka, type KafkaMessage, leave, type Producer, withDeadline } from './kafka.ts';
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
    const { topic } = plan;
    const start = await this.#recentOffset();
    this.#listeners += 1;
    const groupId = `${groupPrefix}.${this.#listeners}`;
    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 500, allowAutoTopicCreation: false });
    let isOver = false;
    const end = async (): Promise<void> => {
      isOver = true;
      await leave('listener', consumer, 3000);
      await this.#deleteGroup(groupId);
    };
    const broke = (error: unknown): void => {
      if (isOver) return;
      void end();
      listener.broke(error);
    };
    try {
      await withDeadline('connecting the listener', () => consumer.connect());
      await withDeadline(`subscribing to ${topic}`, () =>
        consumer.subscribe({ topics: [topic], fromBeginning: true }),
      );
      consumer.on(consumer.events.CRASH, ({ payload }) => broke(payload.error));
      consumer.on(consumer.events.GROUP_JOIN, () => seekTo(consumer, topic, start));
      const running = consumer.run({
        autoCommit: false,
        eachMessage: async ({ message }) => {
          const heard = toMessage(message);
          if (heard && !isOver && Number(message.offset) >= start) listener.hear(heard);
        },
      });
      await withDeadline(`joining the group of ${topic}`, () => running, 20_000);
      return { stop: end };
    } catch (error) {
      await end();
      throw error;
    }
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
    const admin = this.#options.kafka.admin();
    const call = async (): Promise<void> => {
      await admin.connect();
      await admin.deleteGroups([groupId]);
    };
    await withDeadline('deleting the group', call, 1500).catch(() => undefined);
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

function seekTo(consumer: Consumer, topic: string, offset: number): void {
  consumer.seek({ topic, partition: 0, offset: String(offset) });
}

function toMessage({ key, value, headers }: KafkaMessage): AnnouncementMessage | undefined {
  const signature = headers?.signature;
  if (!key || !value || !Buffer.isBuffer(signature)) return undefined;
  return { key: key.toString('utf8'), value, signature: signature.toString('latin1') };
}
