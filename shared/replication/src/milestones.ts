/**
 * Milestones: numbers that only grow, by name, and the callers that wait for one of them to be reached.
 *
 * Used for "this replica holds origin X up to n" (consistency tokens) and "the log has acknowledged n"
 * (`Write-Concern: log`). Waits are bounded in number and in time.
 */
import { ReplicationError } from './errors.ts';
import type { Clock } from './surroundings.ts';

interface Waiter {
  readonly target: number;
  settle(isReached: boolean): void;
}

/** Growing numbers by name. */
export class Milestones {
  readonly #clock: Clock;
  readonly #maxWaiters: number;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #waiting = 0;

  constructor(options: { clock: Clock; maxWaiters: number }) {
    this.#clock = options.clock;
    this.#maxWaiters = options.maxWaiters;
  }

  /** Callers that wait now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Tells everybody who waits for `name` that it stands at `value`. */
  reached(name: string, value: number): void {
    for (const waiter of this.#waiters.get(name) ?? []) {
      if (waiter.target <= value) waiter.settle(true);
    }
  }

  /** Resolves true once `reached(name, target or more)` was called, false after `timeoutMs` or `giveUp`. */
  wait(name: string, target: number, timeoutMs: number): Promise<boolean> {
    if (this.#waiting >= this.#maxWaiters) {
      throw new ReplicationError({
        code: 'overloaded',
        message: `${this.#waiting} callers wait already; no more are accepted.`,
        hint: 'Try again a little later.',
        isRetryable: true,
      });
    }
    return new Promise((resolve) => {
      const waiters = this.#waiters.get(name) ?? new Set();
      this.#waiters.set(name, waiters);
      const settle = (isReached: boolean): void => {
        if (!waiters.delete(waiter)) return;
        cancel();
        this.#waiting -= 1;
        if (waiters.size === 0) this.#waiters.delete(name);
        resolve(isReached);
      };
      const waiter: Waiter = { target, settle };
      const cancel = this.#clock.after(timeoutMs, () => settle(false));
      waiters.add(waiter);
      this.#waiting += 1;
    });
  }

  /** Ends all waits with false. */
  giveUp(): void {
    for (const waiters of [...this.#waiters.values()]) {
      for (const waiter of [...waiters]) waiter.settle(false);
    }
  }
}
