/**
 * Use case: somebody registers.
 *
 * Called by the route with checked values; keeps the user through the store. The password ends here: only its
 * hash goes on.
 */
import { v7 as uuidv7 } from 'uuid';
import type { HashQueue } from './hash-queue.ts';
import { hashPassword } from './password.ts';
import { EmailTakenError, type User, type UserStore } from './user.ts';

/**
 * Registers a user and returns it.
 *
 * @throws EmailTakenError, HashQueueFullError, UserStoreError.
 */
export async function registerUser(
  surroundings: { store: UserStore; hashQueue: HashQueue },
  registration: { email: string; name: string; password: string },
): Promise<User> {
  const { store, hashQueue } = surroundings;
  const { email, name, password } = registration;
  // Only to save the work of a hash; what decides is the unique index, at the insert.
  if (await store.hasEmail(email)) throw new EmailTakenError();
  const passwordHash = await hashQueue.run(() => hashPassword(password));
  const user: User = { userId: uuidv7(), email, name, createdAt: new Date().toISOString() };
  await store.insert({ ...user, passwordHash });
  return user;
}
