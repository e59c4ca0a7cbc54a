/**
 * Admission: what this replica lets in at the moment. Traffic at all, reads, writes, and why not.
 *
 * One place answers `/readyz`, refuses reads and writes, and says `writable` in status and beats, so that they never
 * contradict each other. Isolated replicas (no flow) let everything in.
 */
import type { ReplicaState } from './announcement.ts';
import { ReplicationError } from './errors.ts';
import type { ReplicaFlow } from './flow.ts';
import type { Limits } from './limits.ts';

/** How sure a write has to be before it is answered. */
export type WriteConcern = 'local' | 'log';

/** What admission is judged by. */
export interface AdmissionOptions {
  readonly flow: ReplicaFlow | undefined;
  readonly limits: Limits;
  /** True when the directory held nothing at the start: there is nothing to read before the log was reached. */
  readonly isEmptyAtStart: boolean;
  /** Why this replica must not serve whatever the log says: its database is damaged. */
  readonly held?: ReplicationError | undefined;
}

/** Lets in or refuses. */
export class Admission {
  readonly #options: AdmissionOptions;
  #isStopping = false;
  #isDiskFull = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** True once the replica leaves: nothing is let in any more. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** What the replica is doing. */
  get state(): ReplicaState {
    return this.#options.held ? 'stopped' : (this.#options.flow?.link.state ?? 'live');
  }

  /** Why the state is `stopped`. */
  get stopReason(): ReplicationError | undefined {
    return this.#options.held ?? this.#options.flow?.link.stopReason;
  }

  /** From now on nothing is let in. */
  close(): void {
    this.#isStopping = true;
  }

  /** The disk took a write, or was full: said as `writable`, while every write is tried all the same. */
  diskWas({ isFull }: { isFull: boolean }): void {
    this.#isDiskFull = isFull;
  }

  /** Whether the replica may take traffic, and why not. */
  readiness(): { ready: boolean; reasons: string[] } {
    if (this.#isStopping) return { ready: false, reasons: ['stopping'] };
    const { state, stopReason } = this;
    if (state !== 'stopped' && this.#options.flow?.link.isStandingStill) {
      return {
        ready: false,
        reasons: ['the log goes on but nothing of it arrives; a fresh reader is tried'],
      };
    }
    if (state === 'live' || state === 'relinking') return { ready: true, reasons: [] };
    return { ready: false, reasons: [stopReason?.message ?? `state is ${state}${this.#progress()}`] };
  }

  #progress(): string {
    const progress = this.#options.flow?.bootstrap.progress;
    if (!progress) return '';
    return `: ${progress.received} of ${progress.bytes} bytes of a snapshot of ${progress.donor}`;
  }

  /** @throws `not-ready` or `stopped` when there is nothing that this replica should answer with. */
  assertReadable(): void {
    if (this.state === 'stopped') throw stopped(this.stopReason);
    if (this.state === 'starting' && this.#options.isEmptyAtStart)
      throw notReady('it is new and has not reached the log yet');
  }

  /** @throws `stopped`, `not-ready`, `too-many-unpublished`, `log-unreachable` when no write may begin. */
  assertWritable(concern: WriteConcern): void {
    if (this.#isStopping) throw stopped();
    const { flow, limits } = this.#options;
    this.assertReadable();
    if (!flow) return;
    if (flow.link.state === 'bootstrapping')
      throw notReady('it is new and still reading what the others wrote');
    if (flow.publisher.unacknowledged() >= limits.maxUnpublished) throw tooManyUnpublished(limits);
    if (concern === 'log' && !flow.publisher.isLogReachable) throw logUnreachable();
  }

  /** True while writes are accepted, as far as this replica knows. */
  isWritable(): boolean {
    if (this.#isDiskFull) return false;
    try {
      this.assertWritable('local');
      return true;
    } catch {
      return false;
    }
  }
}

/** What is refused because the replica leaves, or because replication has stopped. */
export function stopped(cause?: ReplicationError): ReplicationError {
  return new ReplicationError({
    code: 'stopped',
    message: cause ? `Replication is stopped: ${cause.message}` : 'This replica is stopping.',
    hint: cause?.hint ?? 'Ask another replica.',
    cause,
  });
}

function notReady(why: string): ReplicationError {
  return new ReplicationError({
    code: 'not-ready',
    message: `This replica cannot serve yet: ${why}.`,
    hint: 'Ask another replica, or try again.',
    isRetryable: true,
  });
}

function tooManyUnpublished({ maxUnpublished }: Limits): ReplicationError {
  return new ReplicationError({
    code: 'too-many-unpublished',
    message: `${maxUnpublished} rows wait for the log already; no more are accepted.`,
    hint: 'Bring the broker back; what was accepted is kept and published then.',
    isRetryable: true,
  });
}

function logUnreachable(): ReplicationError {
  return new ReplicationError({
    code: 'log-unreachable',
    message: 'The log does not answer, so a write cannot be confirmed by it. Nothing was stored.',
    hint: 'Try again later, or write with Write-Concern: local.',
    isRetryable: true,
  });
}
