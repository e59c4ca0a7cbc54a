/**
 * Orders in one PostgreSQL that all replicas share: nothing is replicated, and whoever asks is told so.
 */
import { type Logger, Problem } from '@dbsync/service-kit';
import type { OrderBackend } from './order-backend.ts';
import { openPostgres } from './postgres.ts';
import { SHARED_ORDERS_SCHEMA, sharedOrders } from './shared-orders.ts';

const MAX_QUEUED_WRITES = 10_000;

/** How to reach the database, and under which name. */
export interface SharedBackendOptions {
  readonly replicaId: string;
  readonly databaseUrl: string;
  /** Default 2. */
  readonly readers: number | undefined;
  /** Default 10 000. */
  readonly maxQueuedWrites: number | undefined;
  readonly logger: Logger;
}

/** The backend on a shared database; it connects in the background. */
export function sharedBackend(options: SharedBackendOptions): OrderBackend {
  const { replicaId, databaseUrl: url, readers, logger, maxQueuedWrites = MAX_QUEUED_WRITES } = options;
  const postgres = openPostgres({ url, name: replicaId, readers, schema: SHARED_ORDERS_SCHEMA, logger });
  return {
    store: sharedOrders(postgres, { replicaId, maxQueued: maxQueuedWrites }),
    description: {},
    readiness: () => {
      const { absence } = postgres;
      return { ready: absence === undefined, reasons: absence === undefined ? [] : [absence] };
    },
    addRoutes(app) {
      app.use('/replication', () => {
        throw new Problem({
          status: 404,
          type: '/problems/not-replicated',
          title: 'Not replicated',
          detail: `${replicaId} keeps its orders in one PostgreSQL that all replicas share: there are no copies.`,
        });
      });
    },
    addMetrics: (metrics) => {
      metrics.gauge({
        name: 'dbsync_shared_database_reachable',
        help: '1 while the shared database answers.',
        collect() {
          this.set(Number(postgres.absence === undefined));
        },
      });
    },
    start: () => undefined,
    stop: () => postgres.close(),
  };
}
