/**
 * A resource of the API: a path with the methods it has.
 *
 * Registers them and answers every other method with 405 and `Allow`, which plain express would answer with
 * 404. HEAD comes with GET, OPTIONS with everything.
 */
import type { IRouter, RequestHandler } from 'express';
import { Problem } from './problem.ts';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;
type Method = (typeof METHODS)[number];

/** What a resource does for each method: one handler or several in a row. */
export type ResourceHandlers = { [M in Method]?: RequestHandler | RequestHandler[] };

/** Adds a resource to the app under one path or several names of the same thing. */
export function resource(app: IRouter, path: string | string[], handlers: ResourceHandlers): void {
  const allow = allowedMethods(handlers).join(', ');
  for (const name of Array.isArray(path) ? path : [path]) {
    // One route a path, so that metrics are labelled with the pattern that matched.
    const route = app.route(name);
    for (const method of METHODS) {
      const handler = handlers[method];
      if (handler !== undefined) route[method](...(Array.isArray(handler) ? handler : [handler]));
    }
    route.all((req, res) => {
      if (req.method === 'OPTIONS') {
        res.status(204).set('Allow', allow).end();
        return;
      }
      throw new Problem({
        status: 405,
        detail: `${req.method} is not possible here; allowed: ${allow}.`,
        headers: { Allow: allow },
      });
    });
  }
}

function allowedMethods(handlers: ResourceHandlers): string[] {
  const allowed = METHODS.filter((method) => handlers[method] !== undefined).map((method) =>
    method.toUpperCase(),
  );
  if (handlers.get !== undefined) allowed.splice(1, 0, 'HEAD');
  return [...allowed, 'OPTIONS'];
}
