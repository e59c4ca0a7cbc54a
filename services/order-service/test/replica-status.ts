/**
 * The status that a replica gives of itself, as the tests read it.
 */
import type { ReplicaStatus } from '@dbsync/replication';
import { waitUntil } from '@dbsync/replication/testing';

/** Asks a replica for its status. */
export async function statusOf(url: string): Promise<ReplicaStatus> {
  return (await fetch(`${url}/replication/status`)).json() as Promise<ReplicaStatus>;
}

/** Waits until something is true of a replica's status; a deadline that passes shows the last one. */
export async function untilStatus(
  url: string,
  what: string,
  isTrue: (status: ReplicaStatus) => boolean,
): Promise<ReplicaStatus> {
  let last: ReplicaStatus | undefined;
  await waitUntil(what, async () => {
    last = await statusOf(url);
    return isTrue(last) || JSON.stringify(last);
  });
  if (!last) throw new Error('there was no status');
  return last;
}

/** Waits until all replicas have one digest and nothing is left to publish. */
export async function untilEqual(urls: readonly string[]): Promise<void> {
  await waitUntil('equal digests', async () => {
    const all = await Promise.all(urls.map(statusOf));
    const isQuiet = all.every(({ unpublished, lag }) => unpublished === 0 && lag.records === 0);
    return (
      (isQuiet && new Set(all.map(({ digest }) => digest)).size === 1) ||
      JSON.stringify(
        all.map(({ replicaId, rows, digest, unpublished, lag, state }) => ({
          replicaId,
          rows,
          digest,
          unpublished,
          lag,
          state,
        })),
      )
    );
  });
}
