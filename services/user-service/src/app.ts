/**
 * Puts the user-service together: database, order replicas, routes, server; and takes it apart in reverse.
 *
 * config -> here -> routes -> domain. Everything with a lifetime is made here and nowhere else.
 */
import { createReplicaRegistry } from '@dbsync/replication';
import {
  createLogger,
  createMetrics,
  createServiceApp,
  type HttpServer,
  type Logger,
  startHttpServer,
} from '@dbsync/service-kit';
import type { OrderReplicaSource, UserServiceConfig } from './config.ts';
import { HashQueue } from './domain/hash-queue.ts';
import { type OrderReplica, OrderReplicas } from './orders/order-replicas.ts';
import { announcedReplicas, fixedReplicas, type ReplicaRegistry } from './orders/replica-list.ts';
import { healthCheckRoute } from './routes/health-check.ts';
import { problemOf } from './routes/problems.ts';
import { userRoutes } from './routes/users.ts';
import { openUsersDatabase } from './schema/users-database.ts';
import { createUsersTable } from './schema/users-table.ts';

const HTTP_STOP_DEADLINE_MS = 5_000;
const REGISTRY_STOP_DEADLINE_MS = 2_000;

type AnnouncedSource = Extract<OrderReplicaSource, { kind: 'announced' }>;

/** What tests put in place of the real thing. */
export interface UserServiceParts {
  logger?: Logger;
  createRegistry?: (source: AnnouncedSource, logger: Logger) => ReplicaRegistry;
  /** How long a port in use is tried again; the server's default otherwise. */
  bindRetryMs?: number;
}

export interface UserService {
  readonly url: string;
  readonly port: number;
  /** Readiness off, begun requests finished, announcements left, database closed; at most about 8 s. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts the service; resolves when it answers.
 *
 * Order replicas, and Kafka where they announce themselves, may come later: users are served without them.
 *
 * @throws Error when the database file cannot be opened or the port is in use; nothing is left open then.
 */
export async function startUserService(
  config: UserServiceConfig,
  parts: UserServiceParts = {},
): Promise<UserService> {
  const logger = parts.logger ?? createLogger({ name: config.replicaId, level: config.logLevel });
  const metrics = createMetrics({ service: 'user-service' });
  const database = await openUsersDatabase(config.databaseFile);
  let closeReplicas: () => Promise<void> = async () => undefined;
  try {
    const store = await createUsersTable(database);
    const source = openReplicas({ source: config.orderReplicas, parts, logger });
    closeReplicas = source.close;
    const passedOver = metrics.counter({
      name: 'dbsync_order_replicas_passed_over_total',
      help: 'Order replicas that did not answer a read when it was their turn.',
      labelNames: ['replica'],
    });
    metrics.gauge({
      name: 'dbsync_order_replicas',
      help: 'Order replicas that take turns.',
      collect() {
        this.set(source.replicas().length);
      },
    });
    const orders = new OrderReplicas({
      replicas: source.replicas,
      timeoutMs: config.orderTimeoutMs,
      onPassedOver: ({ replicaId, reason, isNew }) => {
        passedOver.inc({ replica: replicaId });
        logger[isNew ? 'warn' : 'debug']({ replicaId, reason }, 'an order replica is passed over');
      },
    });
    const surroundings = { store, hashQueue: new HashQueue(), orders };
    const app = createServiceApp({
      logger,
      metrics,
      headers: { 'X-Served-By': config.replicaId },
      // The database is open before the server listens and closed after it has stopped.
      readiness: () => ({ ready: true, reasons: [] }),
      routes: (app) => {
        userRoutes(app, surroundings);
        healthCheckRoute(app);
      },
      translateError: problemOf,
    });
    const server = await startHttpServer({
      app,
      host: config.host,
      port: config.port,
      logger,
      ...(parts.bindRetryMs === undefined ? {} : { bindRetryMs: parts.bindRetryMs }),
    });
    logger.info({ url: server.url, orderReplicas: config.orderReplicas.kind }, 'user-service answers');

    let stopped: Promise<void> | undefined;
    const stop = async (server: HttpServer): Promise<void> => {
      await server.stop({ deadlineMs: HTTP_STOP_DEADLINE_MS });
      await closeReplicas();
      await database.destroy();
    };
    return {
      url: server.url,
      port: server.port,
      stop: () => {
        stopped ??= stop(server);
        return stopped;
      },
    };
  } catch (error) {
    await closeReplicas();
    await database.destroy();
    throw error;
  }
}

interface OpenReplicas {
  replicas: () => readonly OrderReplica[];
  close: () => Promise<void>;
}

function openReplicas(options: {
  source: OrderReplicaSource;
  parts: UserServiceParts;
  logger: Logger;
}): OpenReplicas {
  const { source, parts, logger } = options;
  if (source.kind === 'fixed') return { replicas: fixedReplicas(source.urls), close: async () => undefined };

  const create = parts.createRegistry ?? ((from, log) => createReplicaRegistry({ ...from, logger: log }));
  const registry = create(source, logger);
  // Not awaited: Kafka may be away, and users are served without it.
  registry
    .start()
    .catch((err: unknown) => logger.error({ err }, 'announcements of order replicas cannot be followed'));
  return {
    replicas: announcedReplicas(registry),
    close: () => withinDeadline(registry.stop(), { logger, deadlineMs: REGISTRY_STOP_DEADLINE_MS }),
  };
}

/** Kafka's client may hang in its stop; the process is about to end, so it may stay behind. */
async function withinDeadline(
  stopping: Promise<void>,
  options: { logger: Logger; deadlineMs: number },
): Promise<void> {
  const { logger, deadlineMs } = options;
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      logger.warn({ deadlineMs }, 'announcements of order replicas were not left in time');
      resolve();
    }, deadlineMs);
  });
  const left = stopping.catch((err: unknown) =>
    logger.warn({ err }, 'announcements of order replicas were not left'),
  );
  await Promise.race([left, tooLate]);
  clearTimeout(timer);
}
