/**
 * The registry for those who are no replica themselves (user-service, gateway): listens to announcements on Kafka.
 */
import { Announcer } from '../announcer.ts';
import { createChain } from '../chain.ts';
import { mintOrigin } from '../origin.ts';
import { type LiveReplica, Registry } from '../registry.ts';
import { type Logger, realSurroundings } from '../surroundings.ts';
import { createKafka, type KafkaConnection } from './kafka.ts';
import { createKafkaAnnouncements } from './kafka-announcements.ts';
import { announcementsPlan } from './kafka-replication.ts';

/** Replicas that announce themselves. */
export interface ReplicaRegistry {
  /** Begins to listen; never fails while Kafka is away, it keeps trying. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Everybody alive, sorted by replica id. */
  replicas(): readonly LiveReplica[];
}

/** Makes a registry for one database of one cluster. */
export function createReplicaRegistry(options: {
  kafka: KafkaConnection;
  cluster: string;
  secret: string;
  database: string;
  topicPrefix: string;
  logger: Logger;
}): ReplicaRegistry {
  const { cluster, secret, topicPrefix, database, logger } = options;
  const world = realSurroundings(logger);
  const name = mintOrigin('listener', world);
  const registry = new Registry(world.clock);
  const announcer = new Announcer({
    channel: createKafkaAnnouncements({
      kafka: createKafka(options.kafka, { clientId: `dbsync-${name}`, logger }),
      plan: announcementsPlan({ topicPrefix, database }),
      groupPrefix: `${topicPrefix}dbsync.${name}`,
      logger,
    }),
    chain: createChain({ cluster, secret }),
    cluster,
    registry,
    world,
  });
  return {
    start: async () => announcer.start(),
    stop: () => announcer.stop(),
    replicas: () => registry.live(),
  };
}
