/**
 * The body of a request, whole and bounded.
 *
 * It is held before a service is called: a retry needs it a second time, and a client that sends slowly occupies
 * nobody behind the gateway. Services take 16 KiB, so the gateway takes no more.
 */
import { MAX_BODY_BYTES, Problem } from '@dbsync/service-kit';
import type { Request } from 'express';

/** Reads it; undefined when there is none. @throws Problem 413 over 16 KiB, 400 when it breaks off. */
export async function readBody(req: Request): Promise<Buffer | undefined> {
  const length = req.headers['content-length'];
  if (length === undefined && req.headers['transfer-encoding'] === undefined) return undefined;
  if (Number(length ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of req) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem({ status: 400, detail: 'The body did not arrive as announced.' });
  }
  return Buffer.concat(chunks, bytes);
}

function tooLarge(): Problem {
  return new Problem({
    status: 413,
    detail: `The body is larger than ${MAX_BODY_BYTES} bytes.`,
    // What is left of the body will not be read.
    headers: { Connection: 'close' },
  });
}
