/**
 * Reads that must include earlier writes: waits until this replica's vector covers a token, bounded.
 *
 * A write is gone (410) only on good evidence: a later run of its replica is live, has nothing of earlier runs
 * left to publish, and what it holds of ended origins is what we hold, without that write; or its replica was
 * silent for a long, configured time.
 */
import { ReplicationError } from './errors.ts';
import type { Limits } from './limits.ts';
import type { Milestones } from './milestones.ts';
import { replicaOf, runOf } from './origin.ts';
import { digestOf, type Origins } from './origins.ts';
import type { Registry } from './registry.ts';
import type { Clock } from './surroundings.ts';
import { formatToken, type Token } from './token.ts';

/** How token waits are put together. */
export interface ConsistencyOptions {
  readonly own: string;
  readonly origins: Origins;
  readonly arrivals: Milestones;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly limits: Limits;
  /** True once everything that the log held at the start was applied here. */
  readonly hasCaughtUp: () => boolean;
  /** True for origins whose run goes on. */
  readonly isCurrent: (origin: string) => boolean;
}

/** Token waits of one replica. */
export class Consistency {
  readonly #options: ConsistencyOptions;

  constructor(options: ConsistencyOptions) {
    this.#options = options;
  }

  /**
   * Resolves when this replica holds everything that the token names.
   * @throws `token-not-covered` (retryable) after the time is over, `write-gone` when waiting is in vain.
   */
  async covers(token: Token): Promise<void> {
    const { arrivals, clock, limits, origins } = this.#options;
    const deadline = clock.monotonic() + limits.tokenWaitMs;
    for (const [origin, seq] of token) {
      if ((origins.get(origin)?.seq ?? 0) >= seq) continue;
      if (this.#isGone(origin, seq)) throw gone(origin, seq);
      const isReached = await arrivals.wait(origin, seq, Math.max(0, deadline - clock.monotonic()));
      if (isReached) continue;
      if (this.#isGone(origin, seq)) throw gone(origin, seq);
      throw new ReplicationError({
        code: 'token-not-covered',
        message: `This replica has not seen ${formatToken(origin, seq)} yet; it waited ${limits.tokenWaitMs} ms.`,
        hint: 'Try again, here or on another replica.',
        isRetryable: true,
      });
    }
  }

  #isGone(origin: string, seq: number): boolean {
    const { limits, origins, own, registry } = this.#options;
    if (this.#options.isCurrent(origin)) return false;
    const replicaId = replicaOf(origin);
    if (replicaId === replicaOf(own)) {
      const isPending = origins.pending().some(({ name }) => name === origin);
      const isEarlier = runOf(origin) < runOf(own);
      return isEarlier && this.#options.hasCaughtUp() && !isPending && (origins.get(origin)?.seq ?? 0) < seq;
    }
    const later = registry.live().find((replica) => replica.replicaId === replicaId);
    if (later?.state === 'live' && runOf(later.origin) > runOf(origin)) {
      const ended = digestOf(origins.vector((name) => !this.#options.isCurrent(name)));
      return later.announcement.ended.digest === ended;
    }
    return !later && registry.silenceMs(replicaId) > limits.goneAfterMs;
  }
}

function gone(origin: string, seq: number): ReplicationError {
  return new ReplicationError({
    code: 'write-gone',
    message: `The write ${formatToken(origin, seq)} does not exist any more: it was lost with its replica's disk before it reached the log.`,
    hint: 'Drop this token. Check what you wrote and write it again.',
  });
}
