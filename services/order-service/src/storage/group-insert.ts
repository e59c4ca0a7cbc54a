/**
 * Group commit on a shared database: what waits while a statement commits goes together in the next one.
 *
 *   queue -> as many as wait, up to a bound -> one multi-row INSERT, which is one commit -> callers are answered
 *
 * Under load the batches grow by themselves; alone, nobody waits for company. A batch that is refused for one of its
 * members is tried again one by one, so that a bad one hurts only itself.
 */
import { isReplicationError, ReplicationError } from '@dbsync/replication';

/** How members are stored. */
export interface GroupInsertOptions<T> {
  /** Stores all of them or none. */
  readonly store: (members: readonly T[]) => Promise<void>;
  /** Statements in flight at most. */
  readonly atOnce: number;
  /** Members of one statement at most. */
  readonly maxMembers: number;
  /** Members that may wait; one more is refused as `overloaded`. */
  readonly maxQueued: number;
}

interface Waiting<T> {
  readonly member: T;
  resolve(): void;
  reject(error: unknown): void;
}

/** Stores members in groups. */
export class GroupInsert<T> {
  readonly #options: GroupInsertOptions<T>;
  #queue: Waiting<T>[] = [];
  #inFlight = 0;

  constructor(options: GroupInsertOptions<T>) {
    this.#options = options;
  }

  /** Resolves when the member is stored. @throws `overloaded`, or what `store` throws for it. */
  insert(member: T): Promise<void> {
    if (this.#queue.length >= this.#options.maxQueued) {
      throw new ReplicationError({
        code: 'overloaded',
        message: `${this.#queue.length} writes wait for the database already.`,
        hint: 'Try again a little later.',
        isRetryable: true,
      });
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ member, resolve, reject });
      if (this.#inFlight < this.#options.atOnce) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#inFlight += 1;
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, this.#options.maxMembers);
      await this.#store(group);
    }
    this.#inFlight -= 1;
  }

  async #store(group: readonly Waiting<T>[]): Promise<void> {
    try {
      await this.#options.store(group.map(({ member }) => member));
      for (const { resolve } of group) resolve();
    } catch (error) {
      if (group.length === 1 || !isReplicationError(error, 'key-taken', 'database-failed')) {
        for (const { reject } of group) reject(error);
        return;
      }
      for (const one of group) await this.#store([one]);
    }
  }
}
