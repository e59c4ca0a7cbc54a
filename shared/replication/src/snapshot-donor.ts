/**
 * The donor's side of a snapshot: one copy at a time, of a replica that has something to give.
 */
import type { Admission } from './admission.ts';
import { isReplicationError, ReplicationError } from './errors.ts';
import { type TakenSnapshot, takeSnapshot } from './snapshot.ts';

/** How a donor is put together. */
export interface SnapshotDonorOptions extends Omit<Parameters<typeof takeSnapshot>[0], 'now'> {
  readonly admission: Admission;
  /** Wall time, for the manifest. */
  readonly now: () => number;
  /** The database turned out to be damaged: the process has to end. */
  readonly failed: (error: unknown) => void;
}

/** Gives copies of one replica. */
export class SnapshotDonor {
  readonly #options: SnapshotDonorOptions;
  #isCopying = false;

  constructor(options: SnapshotDonorOptions) {
    this.#options = options;
  }

  /**
   * A copy of the replica for a new one or for a backup; `remove` it when it was sent.
   * @throws `overloaded` while another one is being taken or sent, `not-ready` while there is nothing to copy from.
   */
  async take(): Promise<TakenSnapshot> {
    const { admission, now, failed, ...source } = this.#options;
    admission.assertReadable();
    if (this.#isCopying) throw busy();
    this.#isCopying = true;
    try {
      const taken = await takeSnapshot({ ...source, now: now() });
      const remove = async (): Promise<void> => {
        try {
          await taken.remove();
        } finally {
          this.#isCopying = false;
        }
      };
      return { ...taken, remove };
    } catch (error) {
      this.#isCopying = false;
      if (isReplicationError(error, 'database-damaged')) failed(error);
      throw error;
    }
  }
}

function busy(): ReplicationError {
  return new ReplicationError({
    code: 'overloaded',
    message: 'A snapshot of this replica is being taken already.',
    hint: 'Ask another replica, or this one again later.',
    isRetryable: true,
  });
}
