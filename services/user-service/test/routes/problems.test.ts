import { describe, expect, it } from 'vitest';
import { HashQueueFullError } from '../../src/domain/hash-queue.ts';
import { UserStoreError } from '../../src/domain/user.ts';
import { problemOf } from '../../src/routes/problems.ts';

describe('problemOf', () => {
  it.each([
    ['overloaded', new HashQueueFullError()],
    ['database-busy', new UserStoreError({ reason: 'busy', code: 'SQLITE_BUSY' })],
  ])('says that it is one request which is refused when it answers %s', (kind, error) => {
    expect(problemOf(error)).toMatchObject({
      status: 503,
      type: `/problems/${kind}`,
      headers: { 'Retry-After': '1' },
    });
  });
});
