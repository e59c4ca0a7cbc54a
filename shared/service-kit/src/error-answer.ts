/**
 * Turns whatever a route threw into a problem answer: the last middleware of every service.
 *
 * Known errors become what they say; unknown ones become a 500 that tells the client nothing but a reference,
 * and are logged once, here, under the same reference. Which of a service's own errors are known is said by the
 * service (`translateError`).
 */
import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler, Request, Response } from 'express';
import { MAX_BODY_BYTES } from './body.ts';
import type { Logger } from './logger.ts';
import { PROBLEM_MEDIA_TYPE, Problem } from './problem.ts';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Makes the error middleware. */
export function answerErrors(options: {
  logger: Logger;
  translateError?: ((error: unknown) => Problem | undefined) | undefined;
}): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    const known = knownProblem(error) ?? options.translateError?.(error);
    const problem = known ?? unknownProblem({ error, req, res, logger: options.logger });
    // Half an answer is out already: the only honest way to say that it is not whole is to break it off.
    if (res.headersSent) res.destroy();
    else sendProblem({ req, res, problem });
  };
}

/** Sends a problem; `members` are added to the body as extension members. */
export function sendProblem(options: {
  req: Request;
  res: Response;
  problem: Problem;
  members?: Record<string, unknown>;
}): void {
  const { req, res, problem } = options;
  const details = { ...problem.toDetails(pathOf(req)), ...options.members };
  res.status(problem.status).set(problem.headers).set('Content-Type', PROBLEM_MEDIA_TYPE);
  // As bytes: for text express would add a charset, which this media type does not have.
  res.send(Buffer.from(JSON.stringify(details), 'utf8'));
}

function limitOf(error: unknown): number {
  const limit =
    typeof error === 'object' && error !== null && 'limit' in error ? Number(error.limit) : Number.NaN;
  return Number.isFinite(limit) ? limit : MAX_BODY_BYTES;
}

function knownProblem(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof URIError) {
    return new Problem({
      status: 400,
      detail: 'The address holds a "%" that is not followed by two hex digits of UTF-8.',
    });
  }
  const type = typeof error === 'object' && error !== null && 'type' in error ? error.type : undefined;
  switch (type) {
    case 'entity.too.large':
      return new Problem({ status: 413, detail: `The body is larger than ${limitOf(error)} bytes.` });
    case 'encoding.unsupported':
      return new Problem({
        status: 415,
        detail: 'Send the body without a content encoding.',
        headers: { 'Accept-Encoding': 'identity' },
      });
    case 'request.aborted':
    case 'request.size.invalid':
      return new Problem({ status: 400, detail: 'The body did not arrive as announced.' });
    default:
      return undefined;
  }
}

function unknownProblem(options: { error: unknown; req: Request; res: Response; logger: Logger }): Problem {
  const { req, res } = options;
  const given = req.get('X-Request-Id');
  const requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
  options.logger.error(
    { err: options.error, requestId, method: req.method, path: pathOf(req) },
    'request failed',
  );
  if (!res.headersSent) res.set('X-Request-Id', requestId);
  return new Problem({
    status: 500,
    detail: `Something went wrong here; the log of the service has it under ${requestId}.`,
  });
}

function pathOf(req: Request): string {
  return req.originalUrl.split('?', 1)[0] ?? '/';
}
