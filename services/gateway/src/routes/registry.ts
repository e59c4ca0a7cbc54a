/**
 * `GET /registry`: who is known, who takes turns, and how it stands with each.
 */
import type { BalancedClient } from '@dbsync/balancing';
import { resource } from '@dbsync/service-kit';
import type { Express } from 'express';

/** Adds the route to the app. */
export function registryRoute(
  app: Express,
  clients: { orders: BalancedClient; users: BalancedClient },
): void {
  resource(app, '/registry', {
    get: (_req, res) => {
      const [users] = clients.users.shares();
      res.json({
        discovery: clients.orders.discovery,
        orderReplicas: clients.orders.shares(),
        userService: users && { url: users.url, breaker: users.breaker, served: users.served },
      });
    },
  });
}
