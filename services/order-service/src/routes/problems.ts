/**
 * Errors of replication as HTTP answers: one table, from the error's code to what the client is told.
 */
import { isReplicationError, type ReplicationErrorCode } from '@dbsync/replication';
import { Problem } from '@dbsync/service-kit';
import { KeyStillRunning, KeyUsedOtherwise } from '../domain/idempotency-key.ts';
import { OrderStoredOnly } from '../domain/order.ts';
import { orderPath } from './order-path.ts';

interface Translation {
  readonly status: number;
  readonly title: string;
  /** Seconds for `Retry-After`. */
  readonly retryAfter?: number;
}

const TRANSLATIONS: Partial<Record<ReplicationErrorCode, Translation>> = {
  'invalid-row': { status: 400, title: 'Invalid row' },
  'malformed-token': { status: 400, title: 'Malformed consistency token' },
  'key-taken': { status: 409, title: 'Already there' },
  'write-gone': { status: 410, title: 'The write is gone' },
  'row-too-large': { status: 413, title: 'Too large' },
  'version-pending': { status: 503, title: 'Not all replicas know it yet', retryAfter: 10 },
  'outcome-unknown': { status: 500, title: 'Outcome unknown' },
  'token-not-covered': { status: 503, title: 'Not yet here', retryAfter: 1 },
  'not-ready': { status: 503, title: 'Not ready', retryAfter: 2 },
  overloaded: { status: 503, title: 'Overloaded', retryAfter: 1 },
  'too-many-unpublished': { status: 503, title: 'Too many unpublished orders', retryAfter: 5 },
  'log-unreachable': { status: 503, title: 'The log is away', retryAfter: 2 },
  'database-busy': { status: 503, title: 'Database busy', retryAfter: 1 },
  'database-damaged': { status: 503, title: 'Database damaged', retryAfter: 5 },
  'lock-lost': { status: 503, title: 'Stopped', retryAfter: 5 },
  stopped: { status: 503, title: 'Stopped', retryAfter: 5 },
  'not-yet-logged': { status: 504, title: 'Not yet in the log' },
  'disk-full': { status: 507, title: 'Disk full', retryAfter: 30 },
};

/** Their texts are the database's own: for the log, not for clients. */
const INTERNAL: ReadonlySet<ReplicationErrorCode> = new Set([
  'disk-full',
  'database-busy',
  'database-damaged',
  'lock-lost',
]);

/** The problem that an error of the store is to a client; undefined for everything else. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof KeyStillRunning) {
    return new Problem({
      status: 409,
      title: 'Still running',
      type: '/problems/key-still-running',
      detail: `${error.message} Wait for its answer, or send the same again in a second.`,
      headers: { 'Retry-After': '1' },
    });
  }
  if (error instanceof KeyUsedOtherwise) {
    return new Problem({
      status: 422,
      title: 'Key used for another order',
      type: '/problems/key-used-otherwise',
      detail: `${error.message} Nothing was stored. Use a new key for a new order.`,
      headers: tokenHeader(error),
    });
  }
  if (error instanceof OrderStoredOnly)
    return replicationProblem(error.cause, { Location: orderPath(error.order) });
  return replicationProblem(error, {});
}

function replicationProblem(error: unknown, headers: Record<string, string>): Problem | undefined {
  if (!isReplicationError(error)) return undefined;
  const translation = TRANSLATIONS[error.code];
  if (!translation) return undefined;
  const { status, title, retryAfter } = translation;
  const isInternal = status === 500 || INTERNAL.has(error.code);
  return new Problem({
    status,
    title,
    type: `/problems/${error.code}`,
    detail: isInternal ? error.hint : `${error.message} ${error.hint}`,
    headers: {
      ...headers,
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
      ...tokenHeader(error),
    },
  });
}

function tokenHeader({ token }: { token?: string | undefined }): Record<string, string> {
  return token === undefined ? {} : { 'Consistency-Token': token };
}
