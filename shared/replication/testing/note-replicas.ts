/**
 * What tests of several replicas do with notes: write many, and hold that all replicas came to the same.
 * Needs vitest, which tools that use the index do not have, so it is no part of that.
 */
import { expect } from 'vitest';
import type { Replica } from '../src/replica.ts';
import { note } from './notes-table.ts';
import { waitUntil } from './wait-until.ts';

/** Writes so many notes at once: `prefix0`, `prefix1` ... */
export async function insertNotes(replica: Replica, prefix: string, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  await Promise.all(ids.map((id) => replica.insert('notes', note(id), { concern: 'local' })));
}

/** Waits until all rows of a replica have been read back from the log. */
export function untilPublished(replica: Replica, what = 'all is published'): Promise<void> {
  return waitUntil(what, async () => (await replica.status()).unpublished === 0);
}

/** Waits until all have the same rows, so many, published and live; then none may have a problem on its disk. */
export async function expectEqual(rows: number, ...replicas: readonly Replica[]): Promise<void> {
  await waitUntil('all are equal, published and live', async () => {
    const all = await Promise.all(replicas.map((replica) => replica.status()));
    const isDone = all.every(
      (status) => status.rows === rows && status.state === 'live' && status.unpublished === 0,
    );
    const digests = new Set(all.map((status) => status.digest));
    return (
      (isDone && digests.size === 1) ||
      JSON.stringify(
        all.map((s) => [s.state, s.rows, s.unpublished, s.stopReason, s.stalled, s.counters.relinks]),
      )
    );
  });
  for (const replica of replicas) expect((await replica.deepCheck()).problems).toEqual([]);
}
