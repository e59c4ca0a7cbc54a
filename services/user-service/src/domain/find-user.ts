/**
 * Use case: show a user together with the first orders.
 *
 * The user comes from our own store, the orders from whichever order replica has its turn. Replicas that do not
 * answer cost the orders, never the user.
 */
import {
  type OrderQuery,
  type OrderSource,
  type User,
  UserNotFoundError,
  type UserOrders,
  type UserStore,
} from './user.ts';

/** A user; `orders` is undefined when no replica answers. */
export interface UserWithOrders {
  user: User;
  orders: UserOrders | undefined;
}

/**
 * Finds a user.
 *
 * @param query.consistencyToken passed on to the replica, which waits until it has those writes.
 * @throws UserNotFoundError, UserStoreError, OrdersRefusedError.
 */
export async function findUser(
  surroundings: { store: UserStore; orders: OrderSource },
  query: OrderQuery,
): Promise<UserWithOrders> {
  const user = await surroundings.store.find(query.userId);
  if (user === undefined) throw new UserNotFoundError();
  return { user, orders: await surroundings.orders.read(query) };
}
