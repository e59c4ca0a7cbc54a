/**
 * Reads and checks what clients send: JSON bodies, path parameters and query parameters.
 *
 * Stands in front of the routes, which get typed values or are not reached at all. Refusals are `Problem`s.
 * The body is decoded here and not by express.json, because that accepts other charsets, replaces bytes that
 * are not UTF-8, and takes an empty body for `{}`.
 */
import { MIMEType } from 'node:util';
import express, { type Request, type RequestHandler } from 'express';
import type { z } from 'zod';
import { appState } from './app-state.ts';
import { type FieldProblem, invalidRequest, Problem } from './problem.ts';

/** Largest request body in bytes where the service says nothing else. */
export const MAX_BODY_BYTES = 16 * 1024;

const MAX_REPORTED_ERRORS = 20;
const MAX_SHOWN_NAME_LENGTH = 64;

/** One reader for each limit in use, which is one a service. */
const readers = new Map<number, RequestHandler>();
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Middleware that puts the parsed JSON object into `req.body`.
 *
 * Accepts `application/json` without a charset or with utf-8, not compressed, within the service's bound, and an object
 * at the top. 415 for another or no content type, 413 for more bytes, 400 for what is not a JSON object.
 */
export const jsonBody: RequestHandler = (req, res, next) => {
  if (!isJson(req.headers['content-type'])) {
    throw new Problem({
      status: 415,
      detail: 'Send the body as application/json in UTF-8.',
      headers: { Accept: 'application/json' },
    });
  }
  bodyReader(appState(req.app).maxBodyBytes ?? MAX_BODY_BYTES)(req, res, (error?: unknown) => {
    if (error !== undefined && error !== null) return next(error);
    try {
      req.body = parseObject(req);
    } catch (problem) {
      return next(problem);
    }
    next();
  });
};

function bodyReader(limit: number): RequestHandler {
  const reader = readers.get(limit) ?? express.raw({ type: () => true, limit, inflate: false });
  readers.set(limit, reader);
  return reader;
}

/** Checks `req.body` (see `jsonBody`) against `schema`; use `z.strictObject` so that unknown fields are refused.
 * @throws Problem 400 with `errors[]`. */
export function validBody<S extends z.ZodType>(schema: S, req: Request): z.output<S> {
  return valid({ schema, values: req.body, where: 'body' });
}

/** Checks path or query parameters against `schema`. @throws Problem 400 with `errors[]`. */
export function validParameters<S extends z.ZodType>(schema: S, values: unknown): z.output<S> {
  return valid({ schema, values, where: 'address' });
}

function valid<S extends z.ZodType>(options: { schema: S; values: unknown; where: string }): z.output<S> {
  const result = options.schema.safeParse(options.values);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap(fieldProblems).slice(0, MAX_REPORTED_ERRORS);
  throw invalidRequest({ detail: `The ${options.where} of the request is not valid; see errors.`, errors });
}

function fieldProblems(issue: z.core.$ZodIssue): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...issue.path, key].join('.').slice(0, MAX_SHOWN_NAME_LENGTH),
      message: 'is not known here',
    }));
  }
  return [{ path: issue.path.join('.').slice(0, MAX_SHOWN_NAME_LENGTH), message: issue.message }];
}

function isJson(header: string | undefined): boolean {
  if (header === undefined) return false;
  try {
    const type = new MIMEType(header);
    const charset = type.params.get('charset');
    return type.essence === 'application/json' && (charset === null || charset.toLowerCase() === 'utf-8');
  } catch {
    return false;
  }
}

function parseObject(req: Request): object {
  const bytes: unknown = req.body;
  const text = decode(Buffer.isBuffer(bytes) ? bytes : Buffer.alloc(0));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem({
      status: 400,
      detail: text === '' ? 'The body is empty.' : 'The body is not valid JSON.',
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Problem({ status: 400, detail: 'The body must be a JSON object.' });
  }
  return value;
}

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Problem({ status: 400, detail: 'The body is not valid UTF-8.' });
  }
}
