/**
 * Reads orders through the balanced client, and says what its answers mean to the users.
 *
 * Who is asked, and who after that, is the client's business; what a replica says is checked in order-answer.ts.
 */
import {
  type BalancedAnswer,
  type BalancedClient,
  isAboutRequest,
  NoReplicaError,
  UnansweredError,
} from '@dbsync/balancing';
import { isReplicationError, parseToken, type Token, traceParentOf } from '@dbsync/replication';
import type { OrderQuery, OrderSource, UserOrders } from '../domain/user.ts';
import { BrokenAnswerError, readOrders, readProblem } from './order-answer.ts';
import { OrdersRefusedError } from './orders-refused-error.ts';

const PAGE_LIMIT = 100;
const REPLICA_ID = /^[A-Za-z0-9._-]{1,64}$/;
/** What a replica says to a token that it does not honour; a 503 may also be about the replica. */
const REFUSALS = [400, 410];

/** The orders of the balanced replicas. */
export class BalancedOrders implements OrderSource {
  readonly #client: Pick<BalancedClient, 'request'>;
  readonly #timeoutMs: number;
  readonly #tokenWaitMs: number;

  /** `timeoutMs`: how long one replica may take; reads with a token may wait inside it for `tokenWaitMs` more. */
  constructor(options: {
    client: Pick<BalancedClient, 'request'>;
    timeoutMs: number;
    tokenWaitMs: number;
  }) {
    this.#client = options.client;
    this.#timeoutMs = options.timeoutMs;
    this.#tokenWaitMs = options.tokenWaitMs;
  }

  /**
   * Reads the first 100 orders of a user; undefined when no replica answers, or when all say that they take no traffic.
   *
   * @throws OrdersRefusedError when a replica refuses the token, or when those that answer do not have the
   * token's writes yet: an answer without them would not be true.
   */
  async read({ userId, consistencyToken, ...query }: OrderQuery): Promise<UserOrders | undefined> {
    const traceParent = traceParentOf(query.traceParent);
    const hasToken = consistencyToken !== undefined;
    // What the answer came to when the client judged it.
    let orders: Pick<UserOrders, 'orders' | 'ordersNext'> | undefined;
    const refuse = (answer: Pick<BalancedAnswer, 'status' | 'headers' | 'body'>): string | undefined => {
      if (answer.status !== 200) {
        const isRefusal =
          hasToken && (REFUSALS.includes(answer.status) || (answer.status === 503 && isAboutRequest(answer)));
        return isRefusal ? undefined : `the answer has status ${answer.status}`;
      }
      try {
        orders = readOrders(answer, { userId });
        return undefined;
      } catch (error) {
        if (error instanceof BrokenAnswerError) return error.message;
        throw error;
      }
    };
    try {
      const answer = await this.#client.request({
        method: 'GET',
        path: `/order-service/${encodeURIComponent(userId)}/orders?limit=${PAGE_LIMIT}`,
        headers: {
          accept: 'application/json',
          ...(hasToken ? { 'consistency-token': consistencyToken } : {}),
          ...(traceParent === undefined ? {} : { traceparent: traceParent }),
        },
        timeLimitMs: this.#timeoutMs + (hasToken ? this.#tokenWaitMs : 0),
        isRepeatable: true,
        isWrite: false,
        token: hasToken ? readableToken(consistencyToken) : undefined,
        refuse,
      });
      const servedBy = servedByOf(answer);
      const token = textHeader(answer, 'consistency-token');
      if (answer.status === 200 && orders !== undefined)
        return { ...orders, servedBy, consistencyToken: token };
      throw new OrdersRefusedError({
        status: answer.status,
        problem: readProblem(answer),
        retryAfter: textHeader(answer, 'retry-after'),
        consistencyToken: token,
        servedBy,
      });
    } catch (error) {
      if (error instanceof NoReplicaError || error instanceof UnansweredError) return undefined;
      throw error;
    }
  }
}

function servedByOf(answer: BalancedAnswer): string {
  const named = textHeader(answer, 'x-served-by');
  return named !== undefined && REPLICA_ID.test(named) ? named : answer.replica.replicaId;
}

function textHeader(answer: Pick<BalancedAnswer, 'headers'>, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** A token that cannot be read chooses nobody; the replica says what is wrong with it. */
function readableToken(text: string): Token | undefined {
  try {
    return parseToken(text);
  } catch (error) {
    if (isReplicationError(error)) return undefined;
    throw error;
  }
}
