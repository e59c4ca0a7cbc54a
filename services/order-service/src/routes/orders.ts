/**
 * Orders over HTTP: place, list, show. Checks what comes in, calls one use case, shapes what goes out.
 */
import {
  jsonBody,
  nextLink,
  Problem,
  pageCursor,
  readPage,
  resource,
  validBody,
  validParameters,
} from '@dbsync/service-kit';
import type { Express, Request } from 'express';
import { z } from 'zod';
import { listOrders } from '../domain/list-orders.ts';
import type { OrderStore, WriteConcern } from '../domain/order.ts';
import { placeOrder } from '../domain/place-order.ts';
import { identifier, quantity, unitPrice } from '../schema/orders-table.ts';
import { orderPath } from './order-path.ts';

const placementSchema = z.strictObject({ productId: identifier, quantity, unitPrice });
const userParameters = z.strictObject({ userId: identifier });
const orderParameters = z.strictObject({ userId: identifier, orderId: identifier });

/** Adds the routes of orders to the app. */
export function orderRoutes(app: Express, surroundings: { store: OrderStore; now: () => number }): void {
  resource(app, '/order-service/health-check', {
    get: (req, res) => {
      res.type('text/plain').send(`It's working in order service on port: ${req.socket.localPort}`);
    },
  });

  resource(app, '/order-service/:userId/orders', {
    post: [
      jsonBody,
      async (req, res) => {
        refuseIdempotencyKey(req);
        const { userId } = validParameters(userParameters, req.params);
        const concern = writeConcern(req);
        const command = { userId, ...validBody(placementSchema, req) };
        const { order, token } = await placeOrder(surroundings, command, { concern });
        res
          .status(201)
          .set({ Location: orderPath(order), 'Consistency-Token': token })
          .json(order);
      },
    ],
    get: async (req, res) => {
      const { userId } = validParameters(userParameters, req.params);
      const { limit, after } = readPage(req.query);
      const request = { userId, after, limit, token: req.get('Consistency-Token') };
      const { orders, next } = await listOrders(surroundings, request);
      if (next) {
        res.set('Link', nextLink(`/order-service/${userId}/orders`, { limit, cursor: pageCursor(next) }));
      }
      res.json(orders);
    },
  });

  resource(app, '/order-service/:userId/orders/:orderId', {
    get: async (req, res) => {
      const { userId, orderId } = validParameters(orderParameters, req.params);
      const order = await surroundings.store.find({ userId, orderId, token: req.get('Consistency-Token') });
      if (!order) throw new Problem({ status: 404, detail: `User ${userId} has no order ${orderId}.` });
      res.json(order);
    },
  });
}

function writeConcern(req: Request): WriteConcern {
  const given = req.get('Write-Concern') ?? 'local';
  if (given === 'local' || given === 'log') return given;
  throw new Problem({ status: 400, detail: 'Write-Concern must be local or log.' });
}

/** Never ignored: a client that sends it relies on it. */
function refuseIdempotencyKey(req: Request): void {
  if (req.get('Idempotency-Key') === undefined) return;
  throw new Problem({
    status: 400,
    detail: 'Idempotency-Key is not supported yet. Nothing was stored; send the order without it.',
  });
}
