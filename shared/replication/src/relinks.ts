/**
 * Relinks: why everything has to be read again, how often it was, and when it may be.
 *
 * A log that never fits would be read in circles; so each relink that leads nowhere makes the next one wait longer.
 */
import { backoffMs, policies } from './backoff.ts';
import type { ReplicationError } from './errors.ts';
import type { Random } from './surroundings.ts';

/** Relinks of one replica. */
export class Relinks {
  #reason: ReplicationError | undefined;
  #count = 0;
  #inVain = 0;
  #atMs = 0;

  /** Why the log has to be read again; undefined where it has not. */
  get reason(): ReplicationError | undefined {
    return this.#reason;
  }

  /** Times that everything was read again in this run. */
  get count(): number {
    return this.#count;
  }

  /** The log is not the one that it was. */
  demand(reason: ReplicationError | undefined): void {
    this.#reason = reason;
  }

  /** Milliseconds until the demanded one may begin. */
  waitMs(nowMs: number): number {
    return this.#reason ? Math.max(0, this.#atMs - nowMs) : 0;
  }

  /** One begins. */
  begin({ nowMs, random }: { nowMs: number; random: Random }): void {
    this.#count += 1;
    this.#inVain += 1;
    this.#atMs = nowMs + backoffMs(policies.relink, this.#inVain, random);
  }

  /** What was demanded is under way, or is not to be: the positions are back at the start, or the log is refused. */
  settle(): void {
    this.#reason = undefined;
  }

  /** Everything was read. */
  succeeded(): void {
    this.#inVain = 0;
    this.#atMs = 0;
  }
}
