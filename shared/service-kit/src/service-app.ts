/**
 * The express app of a service: everything around its routes, wired in the one order that works.
 *
 * request -> count -> fixed headers -> Host is there -> /livez, /readyz, /metrics -> the service's routes -> 404 -> errors.
 * Listening and stopping are the business of http-server.ts.
 */
import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { appState } from './app-state.ts';
import { answerErrors, sendProblem } from './error-answer.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { Problem } from './problem.ts';
import { resource } from './resource.ts';

/** Whether the service may take traffic, and if not, why. */
export interface Readiness {
  ready: boolean;
  reasons: readonly string[];
}

export interface ServiceAppOptions {
  logger: Logger;
  metrics: Metrics;
  /** Sent with every answer, for example `X-Served-By`. */
  headers?: Record<string, string>;
  /** Largest request body, in bytes. Default 16 384. */
  maxBodyBytes?: number | undefined;
  /** Asked at each `GET /readyz`; once the service is stopping, the answer is no without asking. */
  readiness: () => Readiness;
  /** Adds the service's own routes; use `resource` for 405 and OPTIONS. */
  routes: (app: Express) => void;
  /** Turns the service's domain errors into problems; undefined makes it a 500. */
  translateError?: (error: unknown) => Problem | undefined;
}

/** What is counted under its own name; other methods share one label, so that clients cannot make up series. */
const COUNTED_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Wires the app of a service; it answers nothing until `startHttpServer` listens for it. */
export function createServiceApp(options: ServiceAppOptions): Express {
  const app = express();
  appState(app).headers = { ...options.headers };
  appState(app).maxBodyBytes = options.maxBodyBytes;
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.enable('case sensitive routing');
  // Should our own error answer ever fail, express's must not show a stack.
  app.set('env', 'production');

  app.use(countRequests(options.metrics));
  app.use(helmet());
  app.use(fixedHeaders(options.headers ?? {}));
  app.use(requireHost);
  operationRoutes(app, options);
  options.routes(app);
  app.use(() => {
    throw new Problem({ status: 404, detail: 'There is nothing at this address.' });
  });
  app.use(answerErrors({ logger: options.logger, translateError: options.translateError }));
  return app;
}

/** HTTP/1.1 demands the header; the server leaves it to us, so that the refusal is a problem like any other. */
const requireHost: RequestHandler = (req, _res, next) => {
  if (req.httpVersion === '1.1' && req.headers.host === undefined) {
    throw new Problem({ status: 400, detail: 'The Host header is missing.' });
  }
  next();
};

function operationRoutes(app: Express, options: ServiceAppOptions): void {
  resource(app, '/livez', { get: (_req, res) => void res.type('text/plain').send('alive\n') });
  resource(app, '/readyz', {
    get: (req, res) => {
      const stopping = appState(app).stopping;
      const readiness = stopping
        ? { ready: false, reasons: ['the service is stopping'] }
        : options.readiness();
      const verbose = req.query.verbose !== undefined;
      if (!readiness.ready) {
        const problem = new Problem({
          status: 503,
          detail: 'Not ready to take traffic; ask with ?verbose for the reasons.',
          headers: { 'Retry-After': '1' },
        });
        return sendProblem({ req, res, problem, members: verbose ? { ...readiness } : {} });
      }
      if (verbose) res.json(readiness);
      else res.type('text/plain').send('ready\n');
    },
  });
  resource(app, '/metrics', {
    get: async (_req, res) => {
      const text = await options.metrics.registry.metrics();
      res.set('Content-Type', options.metrics.registry.contentType).send(text);
    },
  });
}

function countRequests(metrics: Metrics): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now();
    metrics.httpInFlight.inc();
    // "close" comes exactly once, also for answers that the client did not wait for.
    res.once('close', () => {
      metrics.httpInFlight.dec();
      const route: unknown = req.route?.path;
      const labels = {
        method: COUNTED_METHODS.has(req.method) ? req.method : 'other',
        route: typeof route === 'string' ? route : 'none',
        status: res.writableFinished ? String(res.statusCode) : 'aborted',
      };
      metrics.httpRequests.inc(labels);
      metrics.httpDurations.observe(labels, (performance.now() - startedAt) / 1000);
    });
    next();
  };
}

function fixedHeaders(headers: Record<string, string>): RequestHandler {
  // Answers are true for the moment; nobody on the way may keep them.
  const all = { 'Cache-Control': 'no-store', ...headers };
  return (_req, res, next) => {
    res.set(all);
    next();
  };
}
