/**
 * Starts an order replica as a process: environment in, signals handled, nothing else.
 *
 * What the service consists of is in app.ts; what may be configured is in config.ts.
 */
import { runService } from '@dbsync/service-kit';
import { startOrderService } from './app.ts';
import { readConfig } from './config.ts';

runService({ name: 'order-service', start: async () => startOrderService(readConfig(process.env)) });
