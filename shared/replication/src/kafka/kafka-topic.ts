/**
 * Topics: made by the service when they are missing, and held against what replication needs when they are there.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { errorText, ReplicationError } from '../errors.ts';
import type { Logger } from '../surroundings.ts';
import { type Admin, typeOf, withDeadline } from './kafka.ts';

/** A topic as this service needs it. */
export interface TopicPlan {
  readonly topic: string;
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replicationFactor: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** ConfigResourceTypes.TOPIC of Kafka's protocol. */
const TOPIC_RESOURCE = 2;

/** A topic that was just created is looked for so often: brokers hear of it a little later. */
const LOOKS = 20;
const LOOK_EVERY_MS = 100;

/**
 * Creates the topic where it is missing, and says how many partitions it has. Without the right to create, a topic
 * made beforehand is used. Settings that differ from the plan are reported, not changed: they are the operator's.
 */
export async function ensureTopic(admin: Admin, plan: TopicPlan, logger: Logger): Promise<number> {
  const { topic, partitions: numPartitions, replicationFactor, settings } = plan;
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  let isComing = true;
  try {
    await withDeadline(`creating topic ${topic}`, () =>
      admin.createTopics({
        waitForLeaders: true,
        topics: [{ topic, numPartitions, replicationFactor, configEntries }],
      }),
    );
  } catch (error) {
    isComing = typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION';
    logger.debug(
      { topic, error: errorText(error) },
      'the topic could not be created; looking whether it is there',
    );
  }
  let partitions = await countPartitions(admin, topic);
  for (let look = 1; partitions === 0 && isComing && look < LOOKS; look += 1) {
    await pause(LOOK_EVERY_MS);
    partitions = await countPartitions(admin, topic);
  }
  if (partitions === 0) {
    throw new ReplicationError({
      code: 'log-unreachable',
      message: `Topic ${topic} is missing and could not be created.`,
      hint: `Allow this client to create it, or create it with ${numPartitions} partitions.`,
      isRetryable: true,
    });
  }
  await reportDifferences(admin, plan, logger);
  return partitions;
}

/** Partitions of the topic; 0 where it is missing. */
async function countPartitions(admin: Admin, topic: string): Promise<number> {
  try {
    const { topics } = await withDeadline(`reading topic ${topic}`, () =>
      admin.fetchTopicMetadata({ topics: [topic] }),
    );
    return topics.find(({ name }) => name === topic)?.partitions.length ?? 0;
  } catch (error) {
    if (typeOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return 0;
    throw error;
  }
}

async function reportDifferences(admin: Admin, plan: TopicPlan, logger: Logger): Promise<void> {
  const { topic, settings } = plan;
  try {
    const { resources } = await withDeadline(`reading the settings of ${topic}`, () =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: TOPIC_RESOURCE, name: topic, configNames: Object.keys(settings) }],
      }),
    );
    for (const { configName, configValue } of resources[0]?.configEntries ?? []) {
      const wanted = settings[configName];
      if (wanted === undefined || wanted === configValue) continue;
      logger.warn(
        { topic, setting: configName, found: configValue, wanted },
        'a setting of the topic endangers replication: the topic must keep every record for ever',
      );
    }
  } catch (error) {
    logger.warn(
      { topic, error: errorText(error) },
      'the settings of the topic could not be read: nobody looks whether they endanger replication',
    );
  }
}
