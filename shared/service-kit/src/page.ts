/**
 * Paging of lists that are sorted by creation time and id: `?limit=&cursor=` in, a `Link` header out.
 *
 * A cursor is the place after which the next page starts, not a row number, so that inserts in between neither
 * repeat nor skip rows, and any replica understands a cursor of any other. Querying is left to the service.
 */
import { z } from 'zod';
import { validParameters } from './body.ts';
import { invalidRequest } from './problem.ts';

const MAX_CURSOR_LENGTH = 256;

/** A place in the sorted list: the row with this creation time (ISO 8601, UTC, milliseconds) and id. */
export interface PagePlace {
  createdAt: string;
  id: string;
}

/** `limit` rows are wanted, those that come after `after`, or the first ones. */
export interface PageRequest {
  limit: number;
  after: PagePlace | undefined;
}

const place = z.tuple([z.iso.datetime({ precision: 3 }), z.string().regex(/^[A-Za-z0-9._-]{1,64}$/)]);

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 500;
const expected = `must be a whole number 1..${MAX_LIMIT}`;
const limit = z
  .string({ error: 'must be given once' })
  .regex(/^\d{1,9}$/, expected)
  .transform(Number)
  .refine((value) => value >= 1 && value <= MAX_LIMIT, expected);
const cursor = z
  .string({ error: 'must be given once' })
  .max(MAX_CURSOR_LENGTH, 'is not a cursor of this list');
// Made once: making it costs more than all the rest of a request.
const pageQuery = z.strictObject({ limit: limit.default(DEFAULT_LIMIT), cursor: cursor.optional() });

/**
 * Reads the query of a list: 100 rows where the client does not say, 500 at most.
 *
 * @throws Problem 400 for unknown names, names given twice, a limit out of bounds, or a cursor that
 * `pageCursor` did not make.
 */
export function readPage(query: unknown): PageRequest {
  const asked = validParameters(pageQuery, query);
  return { limit: asked.limit, after: asked.cursor === undefined ? undefined : readCursor(asked.cursor) };
}

/** The cursor that continues after a row: opaque to clients, fit for a URL as it is. */
export function pageCursor(after: PagePlace): string {
  return Buffer.from(JSON.stringify([after.createdAt, after.id]), 'utf8').toString('base64url');
}

/** The value of a `Link` header that leads to the next page; `path` must be encoded for a URL already. */
export function nextLink(path: string, options: { limit: number; cursor: string }): string {
  return `<${path}?limit=${options.limit}&cursor=${encodeURIComponent(options.cursor)}>; rel="next"`;
}

function readCursor(cursor: string): PagePlace {
  const after = decodeCursor(cursor);
  // Only the one spelling that we give out is taken: Node's decoder forgives foreign characters and padding.
  if (after === undefined || pageCursor(after) !== cursor) {
    throw invalidRequest({
      detail: 'The address of the request is not valid; see errors.',
      errors: [{ path: 'cursor', message: 'is not a cursor of this list' }],
    });
  }
  return after;
}

function decodeCursor(cursor: string): PagePlace | undefined {
  try {
    const result = place.safeParse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    return result.success ? { createdAt: result.data[0], id: result.data[1] } : undefined;
  } catch {
    return undefined;
  }
}
