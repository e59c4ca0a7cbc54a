/**
 * Puts an order replica together: backend, routes, server; and takes it apart in reverse.
 *
 * config -> here -> routes -> domain. Everything with a lifetime is made here and nowhere else.
 */
import { randomUUID } from 'node:crypto';
import {
  createKafkaReplication,
  type DatabaseDescription,
  type Observe,
  openReplica,
  type ReplicaOptions,
  realSurroundings,
} from '@dbsync/replication';
import {
  createLogger,
  createMetrics,
  createServiceApp,
  type Logger,
  MAX_FORWARDED_HEADER_BYTES,
  startHttpServer,
} from '@dbsync/service-kit';
import type { OrderServiceConfig, ReplicaConfig } from './config.ts';
import { orderRoutes } from './routes/orders.ts';
import { problemOf } from './routes/problems.ts';
import { ordersDatabase } from './schema/orders-table.ts';
import type { OrderBackend } from './storage/order-backend.ts';
import { replicaBackend } from './storage/replica-backend.ts';
import { sharedBackend } from './storage/shared-backend.ts';

const HTTP_STOP_DEADLINE_MS = 5000;

/** What tests put in place of the real thing. */
export interface OrderServiceParts {
  readonly logger?: Logger;
  /** What keeps the orders, instead of what the configuration says. */
  readonly backend?: OrderBackend;
  /** The log and announcements to use instead of Kafka. */
  readonly replication?: ReplicaOptions['replication'];
  /** The tables of another build; default: those of this one. */
  readonly describe?: (name: string) => DatabaseDescription;
  /** Called when only a restart can help; default: the error goes unhandled, which ends the process. */
  readonly failed?: (error: unknown) => void;
  /** Called at each named moment of the library; default: nobody watches. */
  readonly observe?: Observe;
  /** How long a port in use is tried again; the server's default otherwise. */
  readonly bindRetryMs?: number;
}

/** A running order replica. */
export interface OrderService {
  readonly url: string;
  readonly port: number;
  /** Readiness off, begun requests finished, orders published (bounded), log left, database closed. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts an order replica; resolves when it answers, which may be before it is ready.
 * @throws ReplicationError when the data directory is locked or refused, Error when the port is in use.
 */
export async function startOrderService(
  config: OrderServiceConfig,
  parts: OrderServiceParts = {},
): Promise<OrderService> {
  const { replicaId } = config;
  const logger = parts.logger ?? createLogger({ name: replicaId, level: config.logLevel });
  let listening: string | undefined;
  const backend = parts.backend ?? (await openBackend({ config, parts, logger, url: () => listening ?? '' }));
  try {
    const metrics = createMetrics({ service: 'order-service' });
    backend.addMetrics(metrics);
    const app = createServiceApp({
      logger,
      metrics,
      headers: { 'X-Served-By': replicaId },
      maxBodyBytes: config.maxBodyBytes,
      readiness: () => backend.readiness(),
      routes: (routes) => {
        orderRoutes(routes, { store: backend.store, now: Date.now });
        backend.addRoutes(routes);
      },
      translateError: problemOf,
    });
    const { bindRetryMs } = parts;
    const server = await startHttpServer({
      app,
      host: config.host,
      port: config.port,
      stopGraceMs: config.stopGraceMs,
      maxHeaderBytes: MAX_FORWARDED_HEADER_BYTES,
      maxConnections: config.maxConnections,
      logger,
      ...(bindRetryMs === undefined ? {} : { bindRetryMs }),
    });
    listening = server.url;
    backend.start();
    logger.info(
      { url: server.url, storage: config.storage, ...backend.description },
      'order replica answers',
    );

    let stopped: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      await server.stop({ deadlineMs: HTTP_STOP_DEADLINE_MS });
      await backend.stop();
    };
    return { url: server.url, port: server.port, stop: () => (stopped ??= stop()) };
  } catch (error) {
    await backend.stop();
    throw error;
  }
}

async function openBackend(options: {
  config: OrderServiceConfig;
  parts: OrderServiceParts;
  logger: Logger;
  url: () => string;
}): Promise<OrderBackend> {
  const { config, parts, logger, url } = options;
  if (config.storage === 'shared-db') return sharedBackend({ ...config, logger });
  const { replicaId, cluster, secret, limits } = config;
  const replication = parts.replication ?? kafkaReplication(config, logger);
  const replica = await openReplica({
    replicaId,
    cluster,
    secret,
    file: config.databaseFile,
    description: (parts.describe ?? ordersDatabase)(config.database),
    url: () => config.advertisedUrl ?? url(),
    ...(replication ? { replication } : {}),
    limits,
    ...(config.sqliteClient === undefined ? {} : { sqliteClient: config.sqliteClient }),
    world: { ...realSurroundings(logger), ...(parts.observe ? { observe: parts.observe } : {}) },
    failed: parts.failed ?? failUnhandled,
  });
  return replicaBackend(replica);
}

function kafkaReplication(config: ReplicaConfig, logger: Logger): ReplicaOptions['replication'] {
  if (config.replication.kind === 'isolated') return undefined;
  const { kind: _, ...options } = config.replication;
  // A client id of its own for every process: two of them with one replica id must never share a group.
  const clientId = `${config.replicaId}.${randomUUID()}`;
  return createKafkaReplication({ ...options, database: config.database, clientId, logger });
}

/**
 * Ends the process by an error that nobody handles: the runner logs it and exits 1, and the next start looks again.
 * Not before the next turn of the event loop: those whose writes failed with it are told so first.
 */
function failUnhandled(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}
