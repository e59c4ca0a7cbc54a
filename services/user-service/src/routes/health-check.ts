/**
 * The health check that users of the Spring original know: one sentence with the port.
 *
 * For people with a browser; machines ask /livez and /readyz.
 */
import { resource } from '@dbsync/service-kit';
import type { Express } from 'express';
import { bothPaths } from './users.ts';

/** Adds the route to the app. */
export function healthCheckRoute(app: Express): void {
  resource(app, bothPaths('/health-check'), {
    get: (req, res) => {
      res.type('text/plain').send(`It's working in user service on port: ${req.socket.localPort}`);
    },
  });
}
