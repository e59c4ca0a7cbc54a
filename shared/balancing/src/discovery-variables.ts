/**
 * The environment variables that lead to the order replicas, and the one way out of several that they choose.
 *
 * `ORDER_SERVICE_URLS` (a fixed list), `ORDER_SERVICE_DNS` (a name with all their addresses), or, with neither,
 * the replicas' own announcements on Kafka.
 */
import {
  type ClusterSettings,
  ConfigurationError,
  clusterSecret,
  clusterVariables,
  integerVariable,
  type KafkaSettings,
  kafkaConnection,
  kafkaVariables,
  type Logger,
} from '@dbsync/service-kit';
import { z } from 'zod';
import { type AnnouncedOptions, announcedReplicas } from './announced-replicas.ts';
import type { Discovery } from './known-replica.ts';
import { dnsUrls, fixedUrls, ProbedReplicas } from './probed-replicas.ts';

/** Spread these into a service's schema, and give what comes out to `replicaSource`. */
export const discoveryVariables = {
  ...kafkaVariables,
  ...clusterVariables,
  ORDER_SERVICE_URLS: z
    .string()
    .transform((list) => [...new Set(list.split(',').map((url) => url.trim()))])
    .pipe(z.array(z.string().refine(isBareUrl)))
    .transform((urls) => urls.map((url) => new URL(url).origin))
    .optional()
    .describe('a comma-separated list of http(s)://host:port without path, one for each order replica'),
  ORDER_SERVICE_DNS: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,253}:\d{1,5}$/)
    .transform((text) => ({
      name: text.slice(0, text.lastIndexOf(':')),
      port: Number(text.split(':').at(-1)),
    }))
    .refine(({ port }) => port >= 1 && port <= 65_535)
    .optional()
    .describe('name:port, where the name has the addresses of all order replicas (a headless service)'),
  DBSYNC_ORDER_TIMEOUT_MS: integerVariable({ min: 10, max: 60_000 })
    .default(2_000)
    .describe(
      'how long one order replica may take to answer a read, in milliseconds 10..60000 (default 2000)',
    ),
  DBSYNC_TOKEN_WAIT_MS: integerVariable({ min: 0, max: 60_000 })
    .default(2_000)
    .describe(
      'how long a replica waits for a token, which a read gets on top, as set for order-service, in milliseconds 0..60000 (default 2000)',
    ),
  DBSYNC_MAX_LAG_MS: integerVariable({ min: 100, max: 3_600_000 })
    .default(10_000)
    .describe(
      'how far behind the log a replica may be before others are preferred, in milliseconds 100..3600000 (default 10000)',
    ),
};

/** Where to find order replicas. */
export type ReplicaSource =
  | { readonly kind: 'fixed'; readonly urls: readonly string[] }
  | { readonly kind: 'dns'; readonly name: string; readonly port: number }
  | ({ readonly kind: 'announced' } & Omit<AnnouncedOptions, 'logger'>);

type DiscoverySettings = z.output<z.ZodObject<typeof discoveryVariables>> & KafkaSettings & ClusterSettings;

/** The source that the variables choose. @throws ConfigurationError when they lead nowhere, or two ways at once. */
export function replicaSource(variables: DiscoverySettings): ReplicaSource {
  const { ORDER_SERVICE_URLS: urls, ORDER_SERVICE_DNS: dns } = variables;
  if (urls !== undefined && dns !== undefined) {
    throw new ConfigurationError(['ORDER_SERVICE_URLS and ORDER_SERVICE_DNS: set one of them, not both']);
  }
  if (urls !== undefined) return { kind: 'fixed', urls };
  if (dns !== undefined) return { kind: 'dns', ...dns };
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

/** Says what is missing when nothing leads to the orders; asked of raw variables, too. */
export function noWayToOrders(given: Record<string, unknown>): string | undefined {
  const isSet = (name: string): boolean => given[name] !== undefined && given[name] !== '';
  if (isSet('ORDER_SERVICE_URLS') || isSet('ORDER_SERVICE_DNS')) return undefined;
  const missing = ['KAFKA_BROKERS', 'DBSYNC_CLUSTER'].filter((name) => !isSet(name));
  if (!isSet('DBSYNC_SECRET') && !isSet('DBSYNC_SECRET_FILE'))
    missing.push('DBSYNC_SECRET (or DBSYNC_SECRET_FILE)');
  if (missing.length === 0) return undefined;
  return (
    'order replicas cannot be found: set ORDER_SERVICE_URLS or ORDER_SERVICE_DNS, or let them announce themselves ' +
    `over Kafka with KAFKA_BROKERS, DBSYNC_CLUSTER and DBSYNC_SECRET (or DBSYNC_SECRET_FILE); not set: ${missing.join(', ')}`
  );
}

/** Makes the discovery that a source describes. */
export function discover(source: ReplicaSource, logger: Logger): Discovery {
  switch (source.kind) {
    case 'fixed':
      return new ProbedReplicas({ kind: 'fixed', urls: fixedUrls(source.urls), logger });
    case 'dns':
      return new ProbedReplicas({ kind: 'dns', urls: dnsUrls(source), logger });
    case 'announced':
      return announcedReplicas({ ...source, logger });
  }
}

/** True for http(s)://host:port and nothing more. */
export function isBareUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return (
    url.username === '' && url.password === '' && url.pathname === '/' && url.search === '' && url.hash === ''
  );
}
