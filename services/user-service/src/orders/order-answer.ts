/**
 * Reads what an order replica answers, and believes nothing of it unchecked.
 *
 * Size, shape and ownership are checked here, because another program may listen at an address that a replica
 * had before. What to do with an unusable answer is decided in order-replicas.ts.
 */
import { z } from 'zod';
import type { Order } from '../domain/user.ts';

/** Bytes of a page of 100 orders, with all fields at their longest, are well below a quarter of this. */
const MAX_ANSWER_BYTES = 512 * 1024;
const MAX_LINK_LENGTH = 2_048;

const identifier = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/);
const ordersSchema = z.array(
  z.object({
    orderId: identifier,
    userId: identifier,
    productId: identifier,
    quantity: z.int(),
    unitPrice: z.int(),
    totalPrice: z.int(),
    createdAt: z.iso.datetime({ precision: 3 }),
  }),
);
/** The members of a problem that are passed on to the client. */
const problemSchema = z.object({
  type: z.string().max(500).optional(),
  title: z.string().max(500).optional(),
  detail: z.string().max(2_000).optional(),
  errors: z
    .array(z.object({ path: z.string().max(200), message: z.string().max(500) }))
    .max(100)
    .optional(),
});

/** What a replica says about why it does not answer a read. */
export type ReplicaProblem = z.output<typeof problemSchema>;

/** The answer cannot be used; the replica counts as one that did not answer. */
export class BrokenAnswerError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'BrokenAnswerError';
  }
}

/** Reads a page of orders of `userId`. @throws BrokenAnswerError. */
export async function readOrders(
  response: Response,
  options: { userId: string },
): Promise<{ orders: Order[]; ordersNext: string | null }> {
  const result = ordersSchema.safeParse(await readJson(response));
  if (!result.success) throw new BrokenAnswerError('the answer is not a list of orders');
  if (result.data.some((order) => order.userId !== options.userId)) {
    throw new BrokenAnswerError('the answer holds orders of somebody else');
  }
  return { orders: result.data, ordersNext: nextPath(response.headers.get('Link'), options.userId) };
}

/** Reads a problem; one that cannot be read is an empty one. */
export async function readProblem(response: Response): Promise<ReplicaProblem> {
  const value = await readJson(response).catch(() => undefined);
  const result = problemSchema.safeParse(value);
  return result.success ? result.data : {};
}

/** The path behind `rel="next"`, null without one; it must lead to orders of the same user. */
function nextPath(link: string | null, userId: string): string | null {
  if (link === null) return null;
  if (link.length > MAX_LINK_LENGTH) throw new BrokenAnswerError('the Link header is too long');
  const target = /<([^<>]*)>\s*;[^<]*\brel="?next"?/.exec(link)?.[1];
  if (target === undefined) return null;
  if (!/^[\x21-\x7e]+$/.test(target) || !target.startsWith(`/order-service/${userId}/orders?`)) {
    throw new BrokenAnswerError('the Link header leads elsewhere');
  }
  return target;
}

async function readJson(response: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early cancels the body, which closes the connection.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_ANSWER_BYTES)
      throw new BrokenAnswerError(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new BrokenAnswerError('the answer is not JSON');
  }
}
