/**
 * Puts the gateway together: two balanced clients, sessions, routes, server; and takes it apart in reverse.
 *
 * config -> here -> routes -> sessions, headers. Everything with a lifetime is made here and nowhere else.
 */
import {
  BalancedClient,
  balancingObserver,
  type Discovery,
  discover,
  fixedUrls,
  isReady,
  ProbedReplicas,
} from '@dbsync/balancing';
import {
  createLogger,
  createMetrics,
  createServiceApp,
  type Logger,
  startHttpServer,
} from '@dbsync/service-kit';
import type { GatewayConfig } from './config.ts';
import { nameRequest } from './headers.ts';
import { gatewayReadiness } from './readiness.ts';
import { forwardingRoutes } from './routes/forwarding.ts';
import { problemOf } from './routes/problems.ts';
import { registryRoute } from './routes/registry.ts';
import { Sessions } from './sessions.ts';

const HTTP_STOP_DEADLINE_MS = 5_000;

/** What tests put in place of the real thing. */
export interface GatewayParts {
  readonly logger?: Logger;
  /** How order replicas are found, in place of what the configuration says. */
  readonly discovery?: Discovery;
  /** How long a port in use is tried again; the server's default otherwise. */
  readonly bindRetryMs?: number;
}

/** A running gateway. */
export interface Gateway {
  readonly url: string;
  readonly port: number;
  /** Readiness off, begun requests finished, announcements left, connections closed; at most about 8 s. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts the gateway; resolves when it answers. Services may come later: until then it says 503.
 * @throws Error when the port is in use; nothing is left open then.
 */
export async function startGateway(config: GatewayConfig, parts: GatewayParts = {}): Promise<Gateway> {
  const logger = parts.logger ?? createLogger({ name: 'gateway', level: config.logLevel });
  const metrics = createMetrics({ service: 'gateway' });
  const observer = balancingObserver({ metrics, logger });
  const orders = new BalancedClient({
    discovery: parts.discovery ?? discover(config.orderReplicas, logger),
    maxLagMs: config.maxLagMs,
    observer,
  });
  // One address, and no replicas to choose from; limits, connections and the breaker are the same.
  const users = new BalancedClient({
    discovery: new ProbedReplicas({
      kind: 'fixed',
      urls: fixedUrls([config.userServiceUrl]),
      hasStatus: false,
      logger,
    }),
    maxLagMs: config.maxLagMs,
    observer,
  });
  metrics.gauge({
    name: 'dbsync_order_replicas',
    help: 'Order replicas that take turns.',
    collect() {
      this.set(orders.inBalance().length);
    },
  });
  const stopClients = async (): Promise<void> => {
    await Promise.all([orders.stop(), users.stop()]);
  };
  try {
    orders.start();
    users.start();
    const sessions = new Sessions({ hasCookie: config.hasSessionCookie, known: () => orders.known() });
    const app = createServiceApp({
      logger,
      metrics,
      readiness: gatewayReadiness(() => orders.inBalance().some(isReady)),
      routes: (routes) => {
        routes.use(nameRequest);
        registryRoute(routes, { orders, users });
        forwardingRoutes(routes, { orders, users, sessions, limits: config });
      },
      translateError: problemOf,
    });
    const { bindRetryMs } = parts;
    const server = await startHttpServer({
      app,
      host: config.host,
      port: config.port,
      stopGraceMs: config.stopGraceMs,
      logger,
      ...(bindRetryMs === undefined ? {} : { bindRetryMs }),
    });
    logger.info({ url: server.url, orderReplicas: config.orderReplicas.kind }, 'gateway answers');

    let stopped: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      await server.stop({ deadlineMs: HTTP_STOP_DEADLINE_MS });
      await stopClients();
    };
    return { url: server.url, port: server.port, stop: () => (stopped ??= stop()) };
  } catch (error) {
    await stopClients();
    throw error;
  }
}
