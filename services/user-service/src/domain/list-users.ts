/**
 * Use case: list users page by page, in the order in which they registered.
 *
 * Orders are left out: a page of users would cost as many calls to the order replicas.
 */
import type { User, UserPlace, UserStore } from './user.ts';

/** One page of users; `next` is the place to go on after, undefined on the last page. */
export interface UserPage {
  users: User[];
  next: UserPlace | undefined;
}

/** Lists at most `limit` users after `after`. @throws UserStoreError. */
export async function listUsers(
  surroundings: { store: UserStore },
  page: { limit: number; after: UserPlace | undefined },
): Promise<UserPage> {
  // One more than asked for tells whether there is a next page.
  const found = await surroundings.store.list({ limit: page.limit + 1, after: page.after });
  const users = found.slice(0, page.limit);
  const last = users.at(-1);
  const hasMore = found.length > page.limit && last !== undefined;
  return { users, next: hasMore ? { createdAt: last.createdAt, id: last.userId } : undefined };
}
