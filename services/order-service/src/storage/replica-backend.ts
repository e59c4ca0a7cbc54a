/**
 * Orders in a replica of its own: routes and metrics of the replica beside its store.
 */
import type { Replica } from '@dbsync/replication';
import { replicaMetrics } from '../replica-metrics.ts';
import { replicationRoutes } from '../routes/replication.ts';
import { upkeepRoutes } from '../routes/upkeep.ts';
import type { OrderBackend } from './order-backend.ts';
import { replicatedOrders } from './replicated-orders.ts';

/** The backend on an open replica; takes over its start and stop. */
export function replicaBackend(replica: Replica): OrderBackend {
  return {
    store: replicatedOrders(replica),
    description: { origin: replica.origin },
    readiness: () => replica.readiness(),
    addRoutes(app) {
      replicationRoutes(app, replica);
      upkeepRoutes(app, replica);
    },
    addMetrics: (metrics) => replicaMetrics(metrics, replica),
    start: () => replica.start(),
    stop: () => replica.stop(),
  };
}
