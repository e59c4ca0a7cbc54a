/**
 * Starts the gateway as a process: environment in, signals handled, nothing else.
 *
 * What the gateway consists of is in app.ts; what may be configured is in config.ts.
 */
import { runService } from '@dbsync/service-kit';
import { startGateway } from './app.ts';
import { readConfig } from './config.ts';

runService({ name: 'gateway', start: async () => startGateway(readConfig(process.env)) });
