/**
 * The configuration of an order replica: every environment variable it knows, documented and checked.
 *
 * Together with main the only reader of the environment. Variables that several services share, and those that tune a
 * replica, are told in the service kit; here is what they come to.
 */
import { type Limits, REPLICA_ID, type SqliteClient } from '@dbsync/replication';
import {
  ConfigurationError,
  clusterSecret,
  clusterVariables,
  integerVariable,
  type KafkaConnectionSettings,
  kafkaConnection,
  kafkaVariables,
  readEnvironment,
  serviceVariables,
  tuningVariables,
} from '@dbsync/service-kit';
import { z } from 'zod';

const databaseUrl = z
  .url({ protocol: /^postgres(?:ql)?$/ })
  .describe('the PostgreSQL that all replicas share, postgres://user:password@host:port/database');

/** All variables, for the start and for the documentation. */
export const orderServiceVariables = z.object({
  ...serviceVariables,
  ...kafkaVariables,
  ...clusterVariables,
  PORT: integerVariable({ min: 0, max: 65_535 })
    .default(60_001)
    .describe('the port to listen on, a whole number 0..65535 (0 takes a free one, default 60001)'),
  REPLICA_ID: z
    .string()
    .regex(REPLICA_ID)
    .describe('the stable name of this replica, 1..64 of letters, digits, ".", "_" and "-", such as order-1'),
  DATABASE_FILE: z
    .string()
    .describe(
      'the path of the SQLite file; its folder is made when missing and belongs to this replica alone',
    ),
  DATABASE_URL: databaseUrl.optional().describe(`with DBSYNC_TOPOLOGY=shared-db: ${databaseUrl.description}`),
  ADVERTISED_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('how others reach this replica, http(s)://host:port (default: where it listens)'),
  DBSYNC_TOPOLOGY: z
    .enum(['kafka', 'isolated', 'shared-db'])
    .default('kafka')
    .describe(
      'kafka: replicate over Kafka; isolated: keep everything to itself; shared-db: one PostgreSQL for all, at DATABASE_URL (default kafka)',
    ),
  ...tuningVariables,
});

type Variables = z.output<typeof orderServiceVariables>;

/** The same names on a shared database: a file of its own means nothing there. */
const sharedVariables = orderServiceVariables.extend({
  DATABASE_FILE: z.string().optional(),
  DATABASE_URL: databaseUrl,
});

/** How this replica replicates. */
export type Replication =
  | { readonly kind: 'isolated' }
  | {
      readonly kind: 'kafka';
      readonly kafka: KafkaConnectionSettings;
      readonly topicPrefix: string;
      readonly partitions: number | undefined;
      readonly replicationFactor: number | undefined;
      readonly minInsyncReplicas: number | undefined;
      readonly applyRows: number | undefined;
    };

/** What every order-service is told. */
interface ServiceConfig {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly logLevel: string;
  /** See `HttpServerOptions`. */
  readonly stopGraceMs?: number | undefined;
  readonly replicaId: string;
  readonly maxBodyBytes?: number | undefined;
  readonly maxConnections?: number | undefined;
}

/** A replica with a database of its own. */
export interface ReplicaConfig extends ServiceConfig {
  readonly storage: 'replica';
  readonly databaseFile: string;
  readonly advertisedUrl: string | undefined;
  readonly cluster: string;
  readonly secret: string;
  /** Name of the replicated database; topics are named after it. */
  readonly database: string;
  readonly replication: Replication;
  /** Default `sqlite3`. */
  readonly sqliteClient: SqliteClient | undefined;
  readonly limits: { readonly [K in keyof Limits]?: Limits[K] | undefined };
}

/** One of several on a shared PostgreSQL. */
export interface SharedConfig extends ServiceConfig {
  readonly storage: 'shared-db';
  readonly databaseUrl: string;
  readonly readers: number | undefined;
  readonly maxQueuedWrites: number | undefined;
}

/** An order-service's configuration. */
export type OrderServiceConfig = ReplicaConfig | SharedConfig;

/** Reads the configuration. @throws ConfigurationError naming every bad variable. */
export function readConfig(env: Record<string, string | undefined>): OrderServiceConfig {
  if (env.DBSYNC_TOPOLOGY === 'shared-db') {
    const variables = readEnvironment(sharedVariables, env);
    return {
      ...serviceOf(variables),
      storage: 'shared-db',
      databaseUrl: variables.DATABASE_URL,
      readers: variables.DBSYNC_READERS,
      maxQueuedWrites: variables.DBSYNC_MAX_QUEUED_WRITES,
    };
  }
  const variables = readEnvironment(orderServiceVariables, env);
  return { ...serviceOf(variables), ...replicaOf(variables) };
}

function serviceOf(variables: Omit<Variables, 'DATABASE_FILE'>): ServiceConfig {
  return {
    host: variables.HOST,
    port: variables.PORT,
    logLevel: variables.LOG_LEVEL,
    stopGraceMs: variables.STOP_GRACE_MS,
    replicaId: variables.REPLICA_ID,
    maxBodyBytes: variables.DBSYNC_MAX_BODY_BYTES,
    maxConnections: variables.DBSYNC_MAX_CONNECTIONS,
  };
}

function replicaOf(variables: Variables): Omit<ReplicaConfig, keyof ServiceConfig> {
  const secret = clusterSecret(variables);
  const { DBSYNC_CLUSTER: cluster } = variables;
  if (cluster === undefined || secret === undefined) {
    throw new ConfigurationError([
      'DBSYNC_CLUSTER and DBSYNC_SECRET (or DBSYNC_SECRET_FILE) must be set: they tell this cluster from others',
    ]);
  }
  return {
    storage: 'replica',
    databaseFile: variables.DATABASE_FILE,
    advertisedUrl: variables.ADVERTISED_URL,
    cluster,
    secret,
    database: variables.DBSYNC_DATABASE,
    replication: replicationOf(variables),
    sqliteClient: variables.DBSYNC_SQLITE_CLIENT,
    limits: {
      maxQueuedWrites: variables.DBSYNC_MAX_QUEUED_WRITES,
      maxUnpublished: variables.DBSYNC_MAX_UNPUBLISHED,
      publishRows: variables.DBSYNC_PUBLISH_ROWS,
      publishBytes: variables.DBSYNC_PUBLISH_BYTES,
      maxWaiters: variables.DBSYNC_MAX_WAITERS,
      acknowledgeMs: variables.DBSYNC_ACKNOWLEDGE_MS,
      tokenWaitMs: variables.DBSYNC_TOKEN_WAIT_MS,
      goneAfterMs: variables.DBSYNC_GONE_AFTER_MS,
      schemaHoldMs: variables.DBSYNC_SCHEMA_HOLD_MS,
      standstillMs: variables.DBSYNC_STANDSTILL_MS,
      snapshotMinRecords: variables.DBSYNC_SNAPSHOT_MIN_RECORDS,
      drainMs: variables.DBSYNC_DRAIN_MS,
      busyTimeoutMs: variables.DBSYNC_BUSY_TIMEOUT_MS,
      readers: variables.DBSYNC_READERS,
      maxRowBytes: variables.DBSYNC_MAX_ROW_BYTES,
      landmarkMs: variables.DBSYNC_LANDMARK_MS,
      quarantineRecords: variables.DBSYNC_QUARANTINE_RECORDS,
      snapshotStallMs: variables.DBSYNC_SNAPSHOT_STALL_MS,
      snapshotTotalMs: variables.DBSYNC_SNAPSHOT_TOTAL_MS,
      repairVisitMs: variables.DBSYNC_REPAIR_VISIT_MS,
      startCheckMs: variables.DBSYNC_START_CHECK_MS,
      scrubPercent: variables.DBSYNC_SCRUB_PERCENT,
      scrubPauseMs: variables.DBSYNC_SCRUB_PAUSE_MS,
      rebuildWaitMs: variables.DBSYNC_REBUILD_WAIT_MS,
    },
  };
}

function replicationOf(variables: Variables): Replication {
  if (variables.DBSYNC_TOPOLOGY === 'isolated') return { kind: 'isolated' };
  const kafka = kafkaConnection(variables);
  if (!kafka) {
    throw new ConfigurationError([
      'KAFKA_BROKERS must be set (host:port, comma-separated), or DBSYNC_TOPOLOGY=isolated to run without replication',
    ]);
  }
  return {
    kind: 'kafka',
    kafka,
    topicPrefix: variables.DBSYNC_TOPIC_PREFIX,
    partitions: variables.DBSYNC_TOPIC_PARTITIONS,
    replicationFactor: variables.DBSYNC_TOPIC_REPLICATION_FACTOR,
    minInsyncReplicas: variables.DBSYNC_TOPIC_MIN_INSYNC_REPLICAS,
    applyRows: variables.DBSYNC_APPLY_ROWS,
  };
}
