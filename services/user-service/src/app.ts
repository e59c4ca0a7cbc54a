/**
 * Puts the user-service together: database, order replicas, routes, server; and takes it apart in reverse.
 *
 * config -> here -> routes -> domain. Everything with a lifetime is made here and nowhere else.
 */
import { BalancedClient, balancingObserver, type Discovery, discover } from '@dbsync/balancing';
import {
  createLogger,
  createMetrics,
  createServiceApp,
  type HttpServer,
  type Logger,
  MAX_FORWARDED_HEADER_BYTES,
  type Metrics,
  startHttpServer,
} from '@dbsync/service-kit';
import type { UserServiceConfig } from './config.ts';
import { HashQueue } from './domain/hash-queue.ts';
import { BalancedOrders } from './orders/balanced-orders.ts';
import { healthCheckRoute } from './routes/health-check.ts';
import { problemOf } from './routes/problems.ts';
import { userRoutes } from './routes/users.ts';
import { openUsersDatabase } from './schema/users-database.ts';
import { createUsersTable } from './schema/users-table.ts';

const HTTP_STOP_DEADLINE_MS = 5_000;

/** What tests put in place of the real thing. */
export interface UserServiceParts {
  logger?: Logger;
  /** How order replicas are found, in place of what the configuration says. */
  discovery?: Discovery;
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
  let client: BalancedClient | undefined;
  try {
    const store = await createUsersTable(database);
    client = openClient({ config, parts, metrics, logger });
    const orders = new BalancedOrders({
      client,
      timeoutMs: config.orderTimeoutMs,
      tokenWaitMs: config.tokenWaitMs,
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
      stopGraceMs: config.stopGraceMs,
      maxHeaderBytes: MAX_FORWARDED_HEADER_BYTES,
      logger,
      ...(parts.bindRetryMs === undefined ? {} : { bindRetryMs: parts.bindRetryMs }),
    });
    logger.info({ url: server.url, orderReplicas: config.orderReplicas.kind }, 'user-service answers');

    let stopped: Promise<void> | undefined;
    const stop = async (server: HttpServer): Promise<void> => {
      await server.stop({ deadlineMs: HTTP_STOP_DEADLINE_MS });
      await client?.stop();
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
    await client?.stop();
    await database.destroy();
    throw error;
  }
}

/** The way to the order replicas; they, and Kafka, may be away, and users are served without them. */
function openClient(options: {
  config: UserServiceConfig;
  parts: UserServiceParts;
  metrics: Metrics;
  logger: Logger;
}): BalancedClient {
  const { config, parts, metrics, logger } = options;
  const client = new BalancedClient({
    discovery: parts.discovery ?? discover(config.orderReplicas, logger),
    maxLagMs: config.maxLagMs,
    observer: balancingObserver({ metrics, logger }),
  });
  metrics.gauge({
    name: 'dbsync_order_replicas',
    help: 'Order replicas that take turns.',
    collect() {
      this.set(client.inBalance().length);
    },
  });
  client.start();
  return client;
}
