/**
 * Starts the user-service as a process: environment in, signals handled, nothing else.
 *
 * What the service consists of is in app.ts; what may be configured is in config.ts.
 */
import { runService } from '@dbsync/service-kit';
import { startUserService } from './app.ts';
import { readConfig } from './config.ts';

runService({ name: 'user-service', start: async () => startUserService(readConfig(process.env)) });
