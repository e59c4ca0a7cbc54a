/**
 * What keeps the orders of a service, with everything that has a lifetime behind it: a replica with its own SQLite,
 * or a shared PostgreSQL. The app puts one of them under the routes and never asks which.
 */
import type { Metrics } from '@dbsync/service-kit';
import type { Express } from 'express';
import type { OrderStore } from '../domain/order.ts';

/** A backend that is open but not yet at work. */
export interface OrderBackend {
  readonly store: OrderStore;
  /** Said once at the start. */
  readonly description: object;
  /** Whether the service may take traffic, and why not. */
  readiness(): { ready: boolean; reasons: readonly string[] };
  /** Adds routes of its own. */
  addRoutes(app: Express): void;
  /** Adds gauges and counters of its own. */
  addMetrics(metrics: Metrics): void;
  /** Begins its work; called when the service listens. */
  start(): void;
  /** Ends it; bounded in time. */
  stop(): Promise<void>;
}
