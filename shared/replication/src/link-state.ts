/**
 * The state of the link to the log, and why it is `stopped`. Nobody else changes either.
 *
 *   starting --log opened--> bootstrapping (was empty) or catching-up --end seen at the start reached--> live
 *   starting, catching-up --log away, but this replica has data--> live (lag unknown)
 *   any -----log is not the one that was read before--> relinking --everything read again--> live
 *   any -----log is somebody else's--> stopped, until an operator accepts it
 *   stopped --somebody has come who can give an empty replica a copy--> starting
 */
import type { ReplicaState } from './announcement.ts';
import type { ReplicationError } from './errors.ts';

/** State and transitions. */
export class LinkState {
  #now: ReplicaState = 'starting';
  #stopReason: ReplicationError | undefined;
  #isAccepted = false;

  /** What the replica is doing. */
  get now(): ReplicaState {
    return this.#now;
  }

  /** Why it is `stopped`. */
  get stopReason(): ReplicationError | undefined {
    return this.#stopReason;
  }

  /** True from an operator's word that this log is to be used although nothing in it is ours, until it was read. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  /** The log was opened, and holds something that this replica has not read. */
  fallBehind({ isEmpty }: { isEmpty: boolean }): void {
    if (this.#now === 'starting') this.#now = isEmpty ? 'bootstrapping' : 'catching-up';
  }

  /** Everything that the log held when reading began was read. */
  catchUp(): void {
    this.#now = 'live';
    this.#isAccepted = false;
  }

  /** The log is away, and this replica serves what it has. */
  serveAlone(): void {
    if (this.#now === 'starting' || this.#now === 'catching-up') this.#now = 'live';
  }

  /** The log changed and is read from its start; who is not live yet goes on with what it was doing. */
  readAgain(): void {
    if (this.#now !== 'bootstrapping' && this.#now !== 'catching-up') this.#now = 'relinking';
  }

  /** Nothing goes on without an operator, or without somebody who can give a copy. */
  stop(reason: ReplicationError): void {
    this.#now = 'stopped';
    this.#stopReason = reason;
    this.#isAccepted = false;
  }

  /** It could be built from nothing before, and now it can. */
  beginAnew(): void {
    this.#now = 'starting';
    this.#stopReason = undefined;
  }

  /**
   * An operator accepts the log that the link was stopped for, and no other one. Gives why it was `stopped`: the reason
   * to read everything again, if it was.
   */
  accept(): ReplicationError | undefined {
    if (this.#now !== 'stopped') return undefined;
    this.#isAccepted = true;
    const reason = this.#stopReason;
    this.#now = 'relinking';
    this.#stopReason = undefined;
    return reason;
  }
}
