/**
 * Says what each domain error means over HTTP.
 *
 * The one table between the words of the domain and status codes; the service kit sends what comes out. An
 * error that is not listed is a fault of ours and becomes a 500.
 */
import { Problem } from '@dbsync/service-kit';
import { HashQueueFullError } from '../domain/hash-queue.ts';
import { EmailTakenError, UserNotFoundError, UserStoreError } from '../domain/user.ts';
import { OrdersRefusedError } from '../orders/orders-refused-error.ts';

const RETRY_SOON = { 'Retry-After': '1' };

/** The problem for a domain error, or undefined for errors that are not of the domain. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof UserNotFoundError)
    return new Problem({ status: 404, detail: 'There is no such user.' });
  if (error instanceof EmailTakenError) {
    return new Problem({
      status: 409,
      type: '/problems/email-taken',
      title: 'Email taken',
      detail: 'Somebody is registered with this email already.',
      errors: [{ path: 'email', message: 'is taken' }],
    });
  }
  if (error instanceof HashQueueFullError) {
    return new Problem({
      status: 503,
      type: '/problems/overloaded',
      title: 'Overloaded',
      detail: 'Too many registrations at once; try again.',
      headers: RETRY_SOON,
    });
  }
  if (error instanceof UserStoreError) return storeProblem(error);
  if (error instanceof OrdersRefusedError) return refusedProblem(error);
  return undefined;
}

function storeProblem(error: UserStoreError): Problem | undefined {
  switch (error.reason) {
    case 'full':
      return new Problem({ status: 507, detail: 'There is no room on the disk; nothing was stored.' });
    case 'busy':
      return new Problem({
        status: 503,
        type: '/problems/database-busy',
        title: 'Database busy',
        detail: 'The users are busy; try again.',
        headers: RETRY_SOON,
      });
    case 'failed':
      return undefined;
  }
}

/** Passes on what the replica said about the token; nobody here knows better. */
function refusedProblem(error: OrdersRefusedError): Problem {
  const { type, title, detail, errors } = error.problem;
  const headers: Record<string, string> = { 'X-Orders-Served-By': error.servedBy };
  if (error.status === 503)
    headers['Retry-After'] = /^\d{1,4}$/.test(error.retryAfter ?? '') ? `${error.retryAfter}` : '1';
  if (error.consistencyToken !== undefined) headers['Consistency-Token'] = error.consistencyToken;
  return new Problem({
    status: error.status,
    detail: detail ?? 'The order replica refused the Consistency-Token.',
    ...(type === undefined ? {} : { type }),
    ...(title === undefined ? {} : { title }),
    ...(errors === undefined ? {} : { errors }),
    headers,
  });
}
