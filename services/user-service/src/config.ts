/**
 * The configuration of the user-service: every environment variable it knows, documented and checked.
 *
 * Together with main the only reader of the environment. Hands the app plain values, with the one decision made
 * that several variables share: where order replicas are found.
 */
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
} from '@dbsync/service-kit';
import { z } from 'zod';

const schema = z.object({
  ...serviceVariables,
  ...kafkaVariables,
  ...clusterVariables,
  PORT: integerVariable({ min: 0, max: 65_535 })
    .default(50_001)
    .describe('the port to listen on, a whole number 0..65535 (0 takes a free one, default 50001)'),
  REPLICA_ID: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .default('user-service')
    .describe('the name in X-Served-By, 1..64 of letters, digits, ".", "_" and "-" (default user-service)'),
  DATABASE_FILE: z
    .string()
    .describe('the path of the SQLite file for users; its folder is made when missing'),
  ORDER_SERVICE_URLS: z
    .string()
    .transform((list) => [...new Set(list.split(',').map((url) => url.trim()))])
    .pipe(z.array(z.string().refine(isReplicaUrl)))
    .transform((urls) => urls.map((url) => new URL(url).origin))
    .optional()
    .describe('a comma-separated list of http(s)://host:port without path, one for each order replica'),
  DBSYNC_ORDER_TIMEOUT_MS: integerVariable({ min: 10, max: 60_000 })
    .default(2_000)
    .describe('how long one order replica may take to answer, in milliseconds 10..60000 (default 2000)'),
});

/** Where to find order replicas: a fixed list, or whoever announces itself on Kafka. */
export type OrderReplicaSource =
  | { kind: 'fixed'; urls: readonly string[] }
  | {
      kind: 'announced';
      kafka: KafkaConnectionSettings;
      cluster: string;
      secret: string;
      database: string;
      topicPrefix: string;
    };

export interface UserServiceConfig {
  host: string;
  /** 0 takes a free port. */
  port: number;
  logLevel: string;
  /** Sent as `X-Served-By`. */
  replicaId: string;
  databaseFile: string;
  orderTimeoutMs: number;
  orderReplicas: OrderReplicaSource;
}

/**
 * Reads the configuration.
 *
 * @throws ConfigurationError naming every bad variable, or saying that order replicas cannot be found.
 */
export function readConfig(env: Record<string, string | undefined>): UserServiceConfig {
  const variables = readVariables(env);
  return {
    host: variables.HOST,
    port: variables.PORT,
    logLevel: variables.LOG_LEVEL,
    replicaId: variables.REPLICA_ID,
    databaseFile: variables.DATABASE_FILE,
    orderTimeoutMs: variables.DBSYNC_ORDER_TIMEOUT_MS,
    orderReplicas: orderReplicaSource(variables),
  };
}

type Variables = z.output<typeof schema>;

function readVariables(env: Record<string, string | undefined>): Variables {
  try {
    return readEnvironment(schema, env);
  } catch (error) {
    // Said together with the rest, so that nobody mends the variables one start at a time.
    const noWay = noWayToOrders(env);
    if (!(error instanceof ConfigurationError) || noWay === undefined) throw error;
    throw new ConfigurationError([...error.problems, noWay]);
  }
}

function orderReplicaSource(variables: Variables): OrderReplicaSource {
  if (variables.ORDER_SERVICE_URLS !== undefined)
    return { kind: 'fixed', urls: variables.ORDER_SERVICE_URLS };
  const kafka = kafkaConnection(variables);
  const cluster = variables.DBSYNC_CLUSTER;
  const secret = clusterSecret(variables);
  if (kafka === undefined || cluster === undefined || secret === undefined) {
    throw new ConfigurationError([noWayToOrders(variables) ?? 'order replicas cannot be found']);
  }
  return {
    kind: 'announced',
    kafka,
    cluster,
    secret,
    database: variables.DBSYNC_DATABASE,
    topicPrefix: variables.DBSYNC_TOPIC_PREFIX,
  };
}

/** Says what is missing when neither a fixed list nor announcements can lead to the orders. */
function noWayToOrders(given: Record<string, unknown>): string | undefined {
  const isSet = (name: string): boolean => given[name] !== undefined && given[name] !== '';
  if (isSet('ORDER_SERVICE_URLS')) return undefined;
  const missing = ['KAFKA_BROKERS', 'DBSYNC_CLUSTER'].filter((name) => !isSet(name));
  if (!isSet('DBSYNC_SECRET') && !isSet('DBSYNC_SECRET_FILE'))
    missing.push('DBSYNC_SECRET (or DBSYNC_SECRET_FILE)');
  if (missing.length === 0) return undefined;
  return (
    'order replicas cannot be found: set ORDER_SERVICE_URLS, or let them announce themselves over Kafka with ' +
    `KAFKA_BROKERS, DBSYNC_CLUSTER and DBSYNC_SECRET (or DBSYNC_SECRET_FILE); not set: ${missing.join(', ')}`
  );
}

function isReplicaUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return (
    url.username === '' && url.password === '' && url.pathname === '/' && url.search === '' && url.hash === ''
  );
}
