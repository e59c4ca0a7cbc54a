/**
 * The environment of the services that the supervisor starts.
 *
 * Services refuse DBSYNC_* names that they do not know, and a stray PORT or KAFKA_BROKERS of the user's shell
 * must not reach them: what configures a service is taken out of the inherited environment and set anew.
 */
import { fileURLToPath } from 'node:url';

/** An environment as Node has it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What all services of one cluster share. */
export interface SharedSettings {
  /** The caller's own environment; PATH, HOME, TZ, OTEL_* and the like are inherited from it. */
  readonly inherited: Environment;
  /** Set last, over everything else: what a test wants different. */
  readonly extra: Readonly<Record<string, string>>;
  readonly cluster: string;
  readonly secretFile: string;
  readonly topicPrefix: string;
  readonly logLevel: string;
  /** Null in topologies without one. */
  readonly broker: { readonly bootstrap: string; readonly isExternal: boolean } | null;
  /** URL of the PostgreSQL that all replicas share; null in the other topologies. */
  readonly databaseUrl: string | null;
}

/** What one service has of its own. */
export interface OwnSettings {
  readonly port: number;
  /** Empty for a service that keeps nothing. */
  readonly database: string;
}

/**
 * What keeps a service small, and its start short; the images set the same, and whoever sets their own has it. Young
 * objects get 4 MB and not 16 before they are looked through, and threads share two arenas of malloc. What Node has
 * compiled is kept beside the packages, whose owner could change the code itself: in a folder for everybody's temporary
 * files, another user could plant code. Where it cannot be written, Node goes on without.
 */
export const leanNode = {
  NODE_OPTIONS: '--max-semi-space-size=4',
  MALLOC_ARENA_MAX: '2',
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../../node_modules/.cache/dbsync', import.meta.url)),
} as const;

const configuring =
  /^(?:DBSYNC_.*|KAFKA_.*|HOST|PORT|REPLICA_ID|DATABASE_FILE|DATABASE_URL|ADVERTISED_URL|ORDER_SERVICE_URLS|ORDER_SERVICE_DNS|USER_SERVICE_URL|LOG_LEVEL)$/;
/** How to reach an external broker. Our own speaks plain text on loopback. */
const connecting = /^KAFKA_(?:SSL|SASL)(?:_.*)?$/;

/** Environment of an order-service replica. */
export function orderServiceEnvironment(
  shared: SharedSettings,
  own: OwnSettings & { readonly replicaId: string },
): Record<string, string> {
  return {
    ...common(shared, own),
    REPLICA_ID: own.replicaId,
    ADVERTISED_URL: urlOf(own.port),
    ...topologyOf(shared),
    ...shared.extra,
  };
}

/**
 * Environment of the user-service. Without a broker it cannot learn the replicas from their announcements, so
 * it is told their addresses.
 */
export function userServiceEnvironment(
  shared: SharedSettings,
  own: OwnSettings & { readonly orderServiceUrls: readonly string[] },
): Record<string, string> {
  return {
    ...common(shared, own),
    ...(shared.broker === null ? { ORDER_SERVICE_URLS: own.orderServiceUrls.join(',') } : {}),
    ...shared.extra,
  };
}

/**
 * Environment of the gateway. Isolated replicas never have each other's orders, so no session can hold: there it
 * keeps none, and shows the problem as it is.
 */
export function gatewayEnvironment(
  shared: SharedSettings,
  own: OwnSettings & { readonly orderServiceUrls: readonly string[]; readonly userServiceUrl: string },
): Record<string, string> {
  return {
    ...common(shared, own),
    USER_SERVICE_URL: own.userServiceUrl,
    ...(shared.broker === null
      ? { ORDER_SERVICE_URLS: own.orderServiceUrls.join(','), DBSYNC_SESSION_COOKIE: 'false' }
      : {}),
    ...shared.extra,
  };
}

function topologyOf({ broker, databaseUrl }: SharedSettings): Record<string, string> {
  if (databaseUrl !== null) return { DBSYNC_TOPOLOGY: 'shared-db', DATABASE_URL: databaseUrl };
  return { DBSYNC_TOPOLOGY: broker === null ? 'isolated' : 'kafka' };
}

/** Where a service of ours listens. */
export function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function common(shared: SharedSettings, own: OwnSettings): Record<string, string> {
  return {
    ...leanNode,
    ...inherit(shared),
    HOST: '127.0.0.1',
    PORT: String(own.port),
    ...(own.database === '' ? {} : { DATABASE_FILE: own.database }),
    LOG_LEVEL: shared.logLevel,
    DBSYNC_CLUSTER: shared.cluster,
    DBSYNC_SECRET_FILE: shared.secretFile,
    ...(shared.topicPrefix === '' ? {} : { DBSYNC_TOPIC_PREFIX: shared.topicPrefix }),
    ...(shared.broker === null ? {} : { KAFKA_BROKERS: shared.broker.bootstrap }),
  };
}

function inherit(shared: SharedSettings): Record<string, string> {
  const isPassed = (name: string): boolean =>
    !configuring.test(name) || (shared.broker?.isExternal === true && connecting.test(name));
  return Object.fromEntries(
    Object.entries(shared.inherited).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && isPassed(entry[0]),
    ),
  );
}
