/**
 * The users over HTTP: register, list, show.
 *
 * Checks what comes in, calls one use case, shapes what goes out. Every path exists with and without the prefix
 * of the gateway; links always carry it, because they are followed from outside. Errors are translated in
 * problems.ts.
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
import { findUser } from '../domain/find-user.ts';
import type { HashQueue } from '../domain/hash-queue.ts';
import { listUsers } from '../domain/list-users.ts';
import { registerUser } from '../domain/register-user.ts';
import type { OrderSource, User, UserStore } from '../domain/user.ts';

const PREFIX = '/user-service';
const MAX_TOKEN_LENGTH = 8_192;

const isPlainText = (text: string): boolean => text.isWellFormed() && !/\p{Cc}/u.test(text);

const registrationSchema = z.strictObject({
  email: z.email('must be an email address').max(254, 'must be at most 254 characters'),
  name: z
    .string()
    .trim()
    .min(2, 'must be at least 2 characters')
    .max(200, 'must be at most 200 characters')
    .refine(isPlainText, 'must not hold control characters'),
  password: z
    .string()
    .min(8, 'must be at least 8 characters')
    .max(1_024, 'must be at most 1024 characters')
    .refine((password) => password.isWellFormed(), 'must be well-formed text'),
});
const userParameters = z.strictObject({
  userId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"'),
});

/** Adds the routes of users to the app. */
export function userRoutes(
  app: Express,
  surroundings: { store: UserStore; hashQueue: HashQueue; orders: OrderSource },
): void {
  resource(app, bothPaths('/users'), {
    post: [
      jsonBody,
      async (req, res) => {
        refuseIdempotencyKey(req);
        const user = await registerUser(surroundings, validBody(registrationSchema, req));
        res
          .status(201)
          .set('Location', `${PREFIX}/users/${user.userId}`)
          .json({ ...shown(user), orders: [] });
      },
    ],
    get: async (req, res) => {
      const page = readPage(req.query);
      const { users, next } = await listUsers(surroundings, page);
      if (next !== undefined) {
        res.set('Link', nextLink(`${PREFIX}/users`, { limit: page.limit, cursor: pageCursor(next) }));
      }
      res.json(users.map(shown));
    },
  });

  resource(app, bothPaths('/users/:userId'), {
    get: async (req, res) => {
      const { userId } = validParameters(userParameters, req.params);
      const query = { userId, consistencyToken: consistencyToken(req), traceParent: req.get('traceparent') };
      sendUser(res, await findUser(surroundings, query));
    },
  });
}

/** The paths of a route of this service: behind the gateway's prefix and without it. */
export function bothPaths(path: string): string[] {
  return [`${PREFIX}${path}`, path];
}

function sendUser(res: Response, found: Awaited<ReturnType<typeof findUser>>): void {
  const { user, orders } = found;
  if (orders === undefined) {
    res.json({ ...shown(user), orders: [], ordersNext: null, ordersUnavailable: true });
    return;
  }
  res.set('X-Orders-Served-By', orders.servedBy);
  if (orders.consistencyToken !== undefined) res.set('Consistency-Token', orders.consistencyToken);
  res.json({ ...shown(user), orders: orders.orders, ordersNext: orders.ordersNext });
}

function shown(user: User): { userId: string; email: string; name: string } {
  return { userId: user.userId, email: user.email, name: user.name };
}

/** The token as it came; what is in it is for the order replica to judge. */
function consistencyToken(req: Request): string | undefined {
  const token = req.get('Consistency-Token');
  if (token !== undefined && token.length > MAX_TOKEN_LENGTH) {
    throw new Problem({
      status: 400,
      detail: `The Consistency-Token is longer than ${MAX_TOKEN_LENGTH} characters.`,
    });
  }
  return token;
}

/** A client that sends a key relies on it; taking the request without honouring it would be a lie. */
function refuseIdempotencyKey(req: Request): void {
  if (req.get('Idempotency-Key') === undefined) return;
  throw new Problem({
    status: 400,
    detail: 'Idempotency-Key is not supported here; send the request without it.',
  });
}
