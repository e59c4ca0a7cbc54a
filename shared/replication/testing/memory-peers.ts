/**
 * Peers without HTTP: replicas of one process ask each other directly, by the URL that they announce.
 */
import { ReplicationError } from '../src/errors.ts';
import type { CallPeer } from '../src/peer.ts';
import type { Replica } from '../src/replica.ts';
import { snapshotBytes } from '../src/snapshot-stream.ts';

/** Replicas by URL. */
export class MemoryPeers {
  readonly #replicas = new Map<string, Replica>();

  /** From now on the replica answers at `url`; undefined: nobody does. */
  set(url: string, replica: Replica | undefined): void {
    if (replica) this.#replicas.set(url, replica);
    else this.#replicas.delete(url);
  }

  /** Changes what is sent of snapshots, holds it up or fails; a fault for tests. */
  spoil: (part: Buffer, url: string) => Buffer | Promise<Buffer> = (part) => part;

  /** Hand this to replicas. */
  readonly callPeer: CallPeer = (url) => {
    const spoil = (part: Buffer): Buffer | Promise<Buffer> => this.spoil(part, url);
    const found = (): Replica => {
      const replica = this.#replicas.get(url);
      if (replica) return replica;
      throw new ReplicationError({
        code: 'peer-failed',
        message: `Nobody answers at ${url}.`,
        hint: 'This is a test.',
        isRetryable: true,
      });
    };
    return {
      vector: async () => found().vector(),
      logged: async () => found().logged(),
      changes: (origin, after) => found().changes(origin, { after, limit: 200 }),
      async *snapshot() {
        const taken = await found().snapshot();
        try {
          for await (const part of snapshotBytes(taken)) yield await spoil(part);
        } finally {
          await taken.remove();
        }
      },
    };
  };
}
