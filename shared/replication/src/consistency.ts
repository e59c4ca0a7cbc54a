/**
 * Reads that must include earlier writes: waits until this replica's vector covers a token, bounded.
 *
 * A write is gone (410) only on good evidence. Either a later run of its replica is live and has read the log to
 * its end, and everybody alive holds of ended origins what we hold, without that write. Or its replica was silent
 * for a long, configured time, or was removed by an operator. Whatever is stalled may still come.
 */
import { ReplicationError } from './errors.ts';
import type { Limits } from './limits.ts';
import type { Milestones } from './milestones.ts';
import { replicaOf, runOf } from './origin.ts';
import { digestOf, type Origins } from './origins.ts';
import type { Registry } from './registry.ts';
import type { Clock } from './surroundings.ts';
import { formatToken, joinToken, type Token } from './token.ts';

/** How token waits are put together. */
export interface ConsistencyOptions {
  readonly own: string;
  readonly origins: Origins;
  readonly arrivals: Milestones;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly limits: Limits;
  /** True once everything that the log held at the start was applied here, and while nothing of it is read again. */
  readonly hasRead: () => boolean;
  /** True while rows may still be taken from a damaged file of this replica. */
  readonly isRecovering: () => boolean;
  /** True for replica ids that an operator has removed. */
  readonly isRemoved: (replicaId: string) => boolean;
  /** True for origins whose run goes on. */
  readonly isCurrent: (origin: string) => boolean;
  /** True for origins of which rows are missing that somebody may still have. */
  readonly isStalled: (origin: string) => boolean;
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
    const { arrivals, clock, limits } = this.#options;
    const deadline = clock.monotonic() + limits.tokenWaitMs;
    for (const [origin, seq] of token) {
      if (this.#holds(origin, seq)) continue;
      if (this.#isGone(origin)) throw this.#gone(origin, token);
      const isReached = await arrivals.wait(origin, seq, Math.max(0, deadline - clock.monotonic()));
      // Nothing that is here counts as gone, whoever told of it or did not.
      if (isReached || this.#holds(origin, seq)) continue;
      if (this.#isGone(origin)) throw this.#gone(origin, token);
      throw new ReplicationError({
        code: 'token-not-covered',
        message: `This replica has not seen ${formatToken(origin, seq)} yet; it waited ${limits.tokenWaitMs} ms.`,
        hint: 'Try again, here or on another replica.',
        isRetryable: true,
      });
    }
  }

  /** Says what is gone, and hands back what is left of the token. */
  #gone(origin: string, token: Token): ReplicationError {
    const left = [...token].filter(([name, seq]) => this.#holds(name, seq) || !this.#isGone(name));
    return new ReplicationError({
      code: 'write-gone',
      message: `The write ${formatToken(origin, token.get(origin) ?? 0)} does not exist any more: it was lost with its replica's disk before it reached the log.`,
      hint: 'Drop this token, and go on with the one that comes with this answer, if any. Check what you wrote and write it again.',
      ...(left.length === 0 ? {} : { token: joinToken(new Map(left)) }),
    });
  }

  #holds(origin: string, seq: number): boolean {
    return (this.#options.origins.get(origin)?.seq ?? 0) >= seq;
  }

  /** Asked about writes that are not here. */
  #isGone(origin: string): boolean {
    const { isCurrent, isRecovering, isRemoved, isStalled, limits, origins, own, hasRead, registry } =
      this.#options;
    if (isCurrent(origin) || isStalled(origin)) return false;
    const replicaId = replicaOf(origin);
    if (replicaId === replicaOf(own)) {
      if (isRecovering()) return false;
      const isPending = origins.pending().some(({ name }) => name === origin);
      const isEarlier = runOf(origin) < runOf(own);
      return isEarlier && hasRead() && !isPending && registry.knowsEverybody && this.#isAgreed();
    }
    const later = registry.live().find((replica) => replica.replicaId === replicaId);
    if (!later && isRemoved(replicaId)) return hasRead() && this.#isAgreed();
    if (!later) {
      const isLongSilent = registry.silenceMs(replicaId) > limits.goneAfterMs;
      return isLongSilent && hasRead() && this.#isAgreed();
    }
    const { state, lag, others, damage } = later.announcement;
    // What only its old file has may still be taken from it.
    if (damage !== 'none') return false;
    // A lag of 0 says that it has read everything; `others`, that it still takes the origin for a living one.
    const isAtEnd = state === 'live' && lag.records === 0;
    return runOf(later.origin) > runOf(origin) && isAtEnd && !(origin in others) && this.#isAgreed();
  }

  /** True when everybody alive holds of ended origins exactly what we hold: nobody is left who could hand more. */
  #isAgreed(): boolean {
    const { isCurrent, origins, own, registry } = this.#options;
    const ended = digestOf(origins.vector((name) => !isCurrent(name)));
    return registry
      .live()
      .every(({ origin, announcement }) => origin === own || announcement.ended.digest === ended);
  }
}
