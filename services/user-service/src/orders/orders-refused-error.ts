/**
 * A replica's refusal of a read with a token, on its way to the client.
 */
import type { ReplicaProblem } from './order-answer.ts';

/** A replica understood a read with a token and said no: malformed (400), gone (410) or not there yet (503). */
export class OrdersRefusedError extends Error {
  readonly status: number;
  readonly problem: ReplicaProblem;
  readonly retryAfter: string | undefined;
  /** The token without what is gone, where the replica says so. */
  readonly consistencyToken: string | undefined;
  /** The replica that said so. */
  readonly servedBy: string;

  constructor(options: {
    status: number;
    problem: ReplicaProblem;
    retryAfter: string | undefined;
    consistencyToken: string | undefined;
    servedBy: string;
  }) {
    super(`order replica ${options.servedBy} refused the read (${options.status})`);
    this.name = 'OrdersRefusedError';
    this.status = options.status;
    this.problem = options.problem;
    this.retryAfter = options.retryAfter;
    this.consistencyToken = options.consistencyToken;
    this.servedBy = options.servedBy;
  }
}
