import { ReplicationError, type ReplicationErrorCode } from '@dbsync/replication';
import { Problem } from '@dbsync/service-kit';
import { describe, expect, it } from 'vitest';
import { type Order, OrderStoredOnly } from '../../src/domain/order.ts';
import { problemOf } from '../../src/routes/problems.ts';

const failure = (code: ReplicationErrorCode, token?: string): ReplicationError =>
  new ReplicationError({
    code,
    message: 'SQLite: SQLITE_FULL: what was found',
    hint: 'What to do.',
    ...(token === undefined ? {} : { token }),
  });

describe('problemOf', () => {
  it.each([
    ['malformed-token', 400],
    ['key-taken', 409],
    ['write-gone', 410],
    ['row-too-large', 413],
    ['token-not-covered', 503],
    ['not-ready', 503],
    ['overloaded', 503],
    ['too-many-unpublished', 503],
    ['log-unreachable', 503],
    ['database-busy', 503],
    ['stopped', 503],
    ['lock-lost', 503],
    ['database-damaged', 503],
    ['not-yet-logged', 504],
    ['disk-full', 507],
    ['outcome-unknown', 500],
  ] as const)('answers %s with %d', (code, status) => {
    const problem = problemOf(failure(code));
    expect(problem?.status).toBe(status);
    expect(problem?.type).toBe(`/problems/${code}`);
    expect(problem?.headers['Retry-After'] !== undefined).toBe(status === 503 || status === 507);
  });

  it('keeps the words of the database to itself', () => {
    for (const code of [
      'disk-full',
      'database-busy',
      'database-damaged',
      'lock-lost',
      'outcome-unknown',
    ] as const) {
      expect(problemOf(failure(code))?.message).toBe('What to do.');
    }
  });

  it.each(['database-failed', 'fork', 'directory-locked'] as const)(
    'leaves %s to the error middleware, which tells nothing',
    (code) => {
      expect(problemOf(failure(code))).toBeUndefined();
    },
  );

  it('leaves everything else alone', () => {
    for (const error of [new Error('x'), new TypeError('y'), 'z', undefined, null, 7]) {
      expect(problemOf(error)).toBeUndefined();
    }
  });

  it('tells where an order is that is stored but not in the log', () => {
    const order: Order = {
      orderId: 'o1',
      userId: 'ada',
      productId: 'pen',
      quantity: 1,
      unitPrice: 1,
      totalPrice: 1,
      createdAt: '2026-01-01T00:00:00.000Z',
    };
    const problem = problemOf(new OrderStoredOnly(order, failure('not-yet-logged', 'origin:1')));
    expect(problem).toBeInstanceOf(Problem);
    expect(problem?.status).toBe(504);
    expect(problem?.headers).toEqual({
      Location: '/order-service/ada/orders/o1',
      'Consistency-Token': 'origin:1',
    });
  });
});
