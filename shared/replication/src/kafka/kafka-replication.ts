/**
 * Kafka for one replica: its change log and its announcements, with the topics as this library needs them.
 */
import type { AnnouncementChannel } from '../announcement.ts';
import type { ChangeLog } from '../change-log.ts';
import type { Logger } from '../surroundings.ts';
import { createKafka, type KafkaConnection } from './kafka.ts';
import { createKafkaAnnouncements } from './kafka-announcements.ts';
import { createKafkaChangeLog } from './kafka-change-log.ts';
import type { TopicPlan } from './kafka-topic.ts';

/** How to use Kafka. */
export interface KafkaReplicationOptions {
  readonly kafka: KafkaConnection;
  /** Name of the database; the topics are `<prefix><database>.changes` and `<prefix><database>.replicas`. */
  readonly database: string;
  readonly topicPrefix: string;
  /** Unique to this process: part of client and group ids. */
  readonly clientId: string;
  /** Partitions of the change topic where it has to be created. Default 6. */
  readonly partitions?: number | undefined;
  /** Replication factor of created topics. Default -1, the broker's own. */
  readonly replicationFactor?: number | undefined;
  /** `min.insync.replicas` of the created change topic. Default: the broker's own. */
  readonly minInsyncReplicas?: number | undefined;
  /** Records applied in one transaction at most. Default 500. */
  readonly applyRows?: number | undefined;
  readonly logger: Logger;
}

/** Makes the two ports; nothing is connected yet. */
export function createKafkaReplication(options: KafkaReplicationOptions): {
  topic: string;
  log: ChangeLog;
  channel: AnnouncementChannel;
} {
  const { clientId, logger, topicPrefix, database } = options;
  const kafka = createKafka(options.kafka, { clientId: `dbsync-${clientId}`, logger });
  const plan = changesPlan(options);
  const log = createKafkaChangeLog({
    kafka,
    plan,
    groupPrefix: `${topicPrefix}dbsync.${clientId}`,
    maxRecords: options.applyRows ?? 500,
    logger,
  });
  const channel = createKafkaAnnouncements({
    kafka,
    plan: announcementsPlan({ topicPrefix, database, replicationFactor: options.replicationFactor }),
    groupPrefix: `${topicPrefix}dbsync.${clientId}.registry`,
    logger,
  });
  return { topic: plan.topic, log, channel };
}

/** The change topic: every record for ever, not compacted, because a chain needs every link. */
function changesPlan(options: KafkaReplicationOptions): TopicPlan {
  const { minInsyncReplicas } = options;
  return {
    topic: `${options.topicPrefix}${options.database}.changes`,
    partitions: options.partitions ?? 6,
    replicationFactor: options.replicationFactor ?? -1,
    settings: {
      'cleanup.policy': 'delete',
      'retention.ms': '-1',
      'retention.bytes': '-1',
      // kafkajs reads gzip only: a stranger's other codec must not get into the topic.
      'compression.type': 'uncompressed',
      ...(minInsyncReplicas === undefined ? {} : { 'min.insync.replicas': String(minInsyncReplicas) }),
    },
  };
}

/** The announcement topic: only the last seconds matter. */
export function announcementsPlan(options: {
  topicPrefix: string;
  database: string;
  replicationFactor?: number | undefined;
}): TopicPlan {
  return {
    topic: `${options.topicPrefix}${options.database}.replicas`,
    partitions: 1,
    replicationFactor: options.replicationFactor ?? -1,
    settings: { 'cleanup.policy': 'delete', 'retention.ms': '3600000', 'compression.type': 'uncompressed' },
  };
}
