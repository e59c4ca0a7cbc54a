/**
 * The contact to the log: does it answer, how often in a row did it not, and was the log seen to be ours since. It says
 * in the service's log when the contact is lost and when it is back.
 */
import { backoffMs, policies } from './backoff.ts';
import type { ReplicationError } from './errors.ts';
import { LOOKS } from './log-guard.ts';
import type { Surroundings } from './surroundings.ts';

/** Whether the log answers. */
export class Contact {
  readonly #world: Surroundings;
  #isThere = false;
  #failures = 0;
  /** After an outage another log may be behind the address: the bookmarks have to be seen again before all else. */
  #mustProve = false;

  constructor(world: Surroundings) {
    this.#world = world;
  }

  /** False while the broker does not answer, and before the first contact. */
  get isThere(): boolean {
    return this.#isThere;
  }

  /** True once it failed too often in a row for a mishap of one call. */
  get isLost(): boolean {
    return this.#failures >= LOOKS;
  }

  /** The log answered. */
  made(): void {
    if (!this.#isThere && this.#failures > 0) {
      this.#world.logger[this.isLost ? 'info' : 'debug']({}, 'the log answers again');
    }
    this.#isThere = true;
  }

  /** A whole step went well. */
  held(): void {
    this.#failures = 0;
  }

  /** The log did not answer. Gives the milliseconds until it is tried again. */
  lost(error: ReplicationError): number {
    this.#failures += 1;
    this.#isThere = false;
    this.#mustProve = true;
    const failures = this.#failures;
    // A broker that is still starting refuses once or twice; only what lasts is worth a line.
    const level = failures === LOOKS ? 'warn' : 'debug';
    this.#world.logger[level](
      { error: error.message, hint: error.hint, failures },
      'the log does not answer; it is tried again',
    );
    return backoffMs(policies.connect, failures, this.#world.random);
  }

  /** Reading begins at the bookmarks again. */
  proves(): void {
    this.#mustProve = false;
  }

  /** True once after an outage: what is read has to begin at the bookmarks. */
  takeDoubt(): boolean {
    const mustProve = this.#mustProve;
    this.#mustProve = false;
    return mustProve;
  }
}
