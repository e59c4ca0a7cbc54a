/**
 * Reads what an order replica answers, and believes nothing of it unchecked.
 *
 * Size, shape and ownership are checked here, because another program may listen at an address that a replica
 * had before. What to do with an unusable answer is decided in balanced-orders.ts.
 */
import type { BalancedAnswer } from '@dbsync/balancing';
import { z } from 'zod';
import type { Order } from '../domain/user.ts';

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
    note: z.string().max(200).optional(),
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
export function readOrders(
  answer: Pick<BalancedAnswer, 'headers' | 'body'>,
  options: { userId: string },
): { orders: Order[]; ordersNext: string | null } {
  const result = ordersSchema.safeParse(readJson(answer));
  if (!result.success) throw new BrokenAnswerError('the answer is not a list of orders');
  if (result.data.some((order) => order.userId !== options.userId)) {
    throw new BrokenAnswerError('the answer holds orders of somebody else');
  }
  return { orders: result.data, ordersNext: nextPath(answer.headers.link, options.userId) };
}

/** Reads a problem; one that cannot be read is an empty one. */
export function readProblem(answer: Pick<BalancedAnswer, 'body'>): ReplicaProblem {
  try {
    return problemSchema.parse(readJson(answer));
  } catch {
    return {};
  }
}

/** The path behind `rel="next"`, null without one; it must lead to orders of the same user. */
function nextPath(link: string | string[] | undefined, userId: string): string | null {
  if (link === undefined) return null;
  if (Array.isArray(link)) throw new BrokenAnswerError('there are several Link headers');
  if (link.length > MAX_LINK_LENGTH) throw new BrokenAnswerError('the Link header is too long');
  const target = /<([^<>]*)>\s*;[^<]*\brel="?next"?/.exec(link)?.[1];
  if (target === undefined) return null;
  if (!/^[\x21-\x7e]+$/.test(target) || !target.startsWith(`/order-service/${userId}/orders?`)) {
    throw new BrokenAnswerError('the Link header leads elsewhere');
  }
  return target;
}

function readJson({ body }: Pick<BalancedAnswer, 'body'>): unknown {
  // An answer that is not held whole has no end, or one too far away to be ours.
  if (!Buffer.isBuffer(body)) throw new BrokenAnswerError('the answer is too large');
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new BrokenAnswerError('the answer is not JSON');
  }
}
