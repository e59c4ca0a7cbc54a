/**
 * Reads orders from the order replicas in strict turn, without caring where the list of them comes from.
 *
 * Call k asks replica k mod n of the list sorted by replica id, as the round robin of the Spring original does.
 * A replica that refuses the connection, does not answer in time, answers with 5xx or with nonsense is passed
 * over for the next one; each is asked at most once a call. What a replica says is checked in order-answer.ts.
 */
import type { OrderSource, UserOrders } from '../domain/user.ts';
import { BrokenAnswerError, type ReplicaProblem, readOrders, readProblem } from './order-answer.ts';

const PAGE_LIMIT = 100;
/** A read with a token may wait inside the replica for as long as replicas wait by default. */
const TOKEN_WAIT_MS = 2_000;
const REPLICA_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Where one replica is reached; `url` has no path. */
export interface OrderReplica {
  replicaId: string;
  url: string;
}

export interface OrderReplicasOptions {
  /** The replicas to take turns among, asked for at every call. */
  replicas: () => readonly OrderReplica[];
  /** How long one replica may take, in milliseconds; reads with a token get two seconds more. */
  timeoutMs: number;
  /** Told of every replica that is passed over; `isNew` when it had answered until now. */
  onPassedOver: (passedOver: { replicaId: string; reason: string; isNew: boolean }) => void;
}

/** A replica understood a read with a token and said no: malformed (400), gone (410) or not there yet (503). */
export class OrdersRefusedError extends Error {
  readonly status: number;
  readonly problem: ReplicaProblem;
  readonly retryAfter: string | undefined;
  /** The replica that said so. */
  readonly servedBy: string;

  constructor(options: {
    status: number;
    problem: ReplicaProblem;
    retryAfter: string | undefined;
    servedBy: string;
  }) {
    super(`order replica ${options.servedBy} refused the read (${options.status})`);
    this.name = 'OrdersRefusedError';
    this.status = options.status;
    this.problem = options.problem;
    this.retryAfter = options.retryAfter;
    this.servedBy = options.servedBy;
  }
}

/** The balanced order replicas. */
export class OrderReplicas implements OrderSource {
  readonly #options: OrderReplicasOptions;
  readonly #passedOver = new Set<string>();
  #calls = 0;

  constructor(options: OrderReplicasOptions) {
    this.#options = options;
  }

  /**
   * Reads the first 100 orders of a user; undefined when no replica answers.
   *
   * @throws OrdersRefusedError when a replica refuses the token, or when those that answer do not have the
   * token's writes yet: an answer without them would not be true.
   */
  async read(query: {
    userId: string;
    consistencyToken: string | undefined;
  }): Promise<UserOrders | undefined> {
    const replicas = [...this.#options.replicas()].sort(byReplicaId);
    const turn = this.#calls++;
    let notYet: OrdersRefusedError | undefined;
    for (let offset = 0; offset < replicas.length; offset++) {
      const replica = replicas[(turn + offset) % replicas.length];
      if (replica === undefined) continue;
      try {
        const answer = await this.#ask(replica, query);
        this.#passedOver.delete(replica.replicaId);
        return answer;
      } catch (error) {
        if (error instanceof OrdersRefusedError && error.status !== 503) throw error;
        if (error instanceof OrdersRefusedError) notYet = error;
        this.#passOver(replica, reasonOf(error));
      }
    }
    if (notYet !== undefined) throw notYet;
    return undefined;
  }

  #passOver({ replicaId }: OrderReplica, reason: string): void {
    const isNew = !this.#passedOver.has(replicaId);
    this.#passedOver.add(replicaId);
    this.#options.onPassedOver({ replicaId, reason, isNew });
  }

  async #ask(
    replica: OrderReplica,
    query: { userId: string; consistencyToken: string | undefined },
  ): Promise<UserOrders> {
    const { userId, consistencyToken } = query;
    const hasToken = consistencyToken !== undefined;
    const response = await fetch(
      `${replica.url}/order-service/${encodeURIComponent(userId)}/orders?limit=${PAGE_LIMIT}`,
      {
        headers: {
          Accept: 'application/json',
          ...(hasToken ? { 'Consistency-Token': consistencyToken } : {}),
        },
        redirect: 'manual',
        // Covers the body, too.
        signal: AbortSignal.timeout(this.#options.timeoutMs + (hasToken ? TOKEN_WAIT_MS : 0)),
      },
    );
    const named = response.headers.get('X-Served-By');
    const servedBy = named !== null && REPLICA_ID.test(named) ? named : replica.replicaId;
    if (response.status === 200) return { ...(await readOrders(response, { userId })), servedBy };
    if (hasToken && [400, 410, 503].includes(response.status)) {
      const retryAfter = response.headers.get('Retry-After') ?? undefined;
      throw new OrdersRefusedError({
        status: response.status,
        problem: await readProblem(response),
        retryAfter,
        servedBy,
      });
    }
    await response.body?.cancel();
    throw new BrokenAnswerError(`the answer has status ${response.status}`);
  }
}

function byReplicaId(a: OrderReplica, b: OrderReplica): number {
  if (a.replicaId === b.replicaId) return a.url < b.url ? -1 : 1;
  return a.replicaId < b.replicaId ? -1 : 1;
}

/** fetch hides what happened in the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
