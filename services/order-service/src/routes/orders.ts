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
import type { Express, Request, Response } from 'express';
import { z } from 'zod';
import { IDEMPOTENCY_KEY, RunningKeys } from '../domain/idempotency-key.ts';
import type { OrderStore, WriteConcern } from '../domain/order.ts';
import { placeOrder } from '../domain/place-order.ts';
import { identifier, note, quantity, unitPrice } from '../schema/orders-table.ts';
import { orderPath } from './order-path.ts';

const placementSchema = z.strictObject({ productId: identifier, quantity, unitPrice, note: note.optional() });
const userParameters = z.strictObject({ userId: identifier });
const orderParameters = z.strictObject({ userId: identifier, orderId: identifier });

/** Adds the routes of orders to the app. */
export function orderRoutes(app: Express, surroundings: { store: OrderStore; now: () => number }): void {
  const placing = { ...surroundings, runningKeys: new RunningKeys() };
  resource(app, '/order-service/health-check', {
    get: (req, res) => {
      res.type('text/plain').send(`It's working in order service on port: ${req.socket.localPort}`);
    },
  });

  resource(app, '/order-service/:userId/orders', {
    post: [
      jsonBody,
      async (req, res) => {
        const { userId } = validParameters(userParameters, req.params);
        const asked = {
          concern: writeConcern(req),
          idempotencyKey: idempotencyKey(req),
          token: req.get('Consistency-Token'),
          traceParent: req.get('traceparent'),
        };
        const command = { userId, ...validBody(placementSchema, req) };
        const { order, token } = await placeOrder(placing, command, asked);
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
      const page = await surroundings.store.list(request);
      const { next } = page;
      if (next) {
        res.set('Link', nextLink(`/order-service/${userId}/orders`, { limit, cursor: pageCursor(next) }));
      }
      sendJson(res, page);
    },
  });

  resource(app, '/order-service/:userId/orders/:orderId', {
    get: async (req, res) => {
      const { userId, orderId } = validParameters(orderParameters, req.params);
      const found = await surroundings.store.find({ userId, orderId, token: req.get('Consistency-Token') });
      if (!found) throw new Problem({ status: 404, detail: `User ${userId} has no order ${orderId}.` });
      sendJson(res, found);
    },
  });
}

/** Sends what the store has made of the rows, as it is. */
function sendJson(res: Response, { json, token }: { json: string; token: string }): void {
  if (token !== '') res.set('Consistency-Token', token);
  res.set('Content-Type', 'application/json; charset=utf-8').send(json);
}

function writeConcern(req: Request): WriteConcern {
  const given = req.get('Write-Concern') ?? 'local';
  if (given === 'local' || given === 'log') return given;
  throw new Problem({ status: 400, detail: 'Write-Concern must be local or log.' });
}

/** Taken as it is, quotes included. Never ignored: a client that sends one relies on it. */
function idempotencyKey(req: Request): string | undefined {
  const given = req.headersDistinct['idempotency-key'];
  if (given === undefined) return undefined;
  const [key = ''] = given;
  if (given.length === 1 && IDEMPOTENCY_KEY.test(key)) return key;
  throw new Problem({
    status: 400,
    detail:
      'Idempotency-Key must be given once and be 1 to 128 printable ASCII characters. Nothing was stored.',
  });
}
