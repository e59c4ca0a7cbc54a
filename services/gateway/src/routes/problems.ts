/**
 * What the gateway's own errors mean over HTTP. What a service answers is passed on as it is.
 */
import { NoReplicaError, type UnansweredError } from '@dbsync/balancing';
import { isReplicationError } from '@dbsync/replication';
import { Problem } from '@dbsync/service-kit';

/** The problem for an error of the gateway, or undefined for faults. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof NoReplicaError) {
    return new Problem({
      status: 503,
      type: '/problems/service-away',
      title: 'Service away',
      detail: 'No replica of this service can be reached; nothing was done. Try again.',
      headers: { 'Retry-After': '1' },
    });
  }
  if (isReplicationError(error, 'malformed-token')) {
    return new Problem({
      status: 400,
      type: `/problems/${error.code}`,
      title: 'Malformed consistency token',
      detail: `${error.message} ${error.hint}`,
    });
  }
  return undefined;
}

/** The problem for a request that was sent and not answered. */
export function unanswered(error: UnansweredError, options: { isRepeatable: boolean }): Problem {
  if (options.isRepeatable) {
    return new Problem({
      status: 503,
      type: '/problems/service-away',
      title: 'Service away',
      detail: 'The service did not answer. The request may be sent again as it is.',
      headers: { 'Retry-After': '1' },
    });
  }
  return new Problem({
    status: error.isLate ? 504 : 502,
    type: '/problems/outcome-unknown',
    title: 'Outcome unknown',
    detail:
      'The service was asked and did not answer: the request may have had its effect or not. Look before you send ' +
      'it again, or send it with an Idempotency-Key from the start.',
  });
}
