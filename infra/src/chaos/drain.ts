/**
 * The end of a chaos run: after the last fault everything is up again, and the replicas must become quiet in time.
 *
 * Quiet: everybody live, writable and connected, nothing unpublished, nothing behind, nobody stalled, equal digests, and
 * the log known to hold every row but those that retention took, those of replicas that are gone included.
 */

import type { CutRows } from '../judge/cut-rows.ts';
import { originsIn } from '../judge/replica-file.ts';
import type { Violations } from '../judge/violations.ts';
import { waitFor } from '../process/wait-for.ts';
import { lookAt, type ReplicaLook } from './replica-look.ts';

/** How it went. */
export interface Drain {
  /** Rows that were unpublished, unread or not yet everywhere when the last fault ended. */
  readonly backlog: number;
  readonly seconds: number;
  /** What is promised for that backlog: 10 s, and as long as it takes at the measured rate. */
  readonly promisedSeconds: number;
  readonly isQuiet: boolean;
}

/** The promise for an idle machine; a run that shares its machine may take three times as long. */
const promisedBaseSeconds = 10;
const patience = 3;

/** Waits for quiet and adds what is not. */
export async function drain(options: {
  readonly replicas: readonly { readonly name: string; readonly url: string; readonly database: string }[];
  /** What retention took from the log: no replica need have seen that there. Undefined: nothing. */
  readonly cut: CutRows | undefined;
  /** Most rows that a replica was seen to apply in a second. */
  readonly rowsPerSecond: number;
  readonly violations: Violations;
  readonly print: (line: string) => void;
}): Promise<Drain> {
  const { replicas, cut, violations } = options;
  const urls = replicas.map(({ url }) => url);
  const begunMs = performance.now();
  const backlog = backlogOf(await Promise.all(urls.map(lookAt)));
  const promisedSeconds = promisedBaseSeconds + backlog / Math.max(1, options.rowsPerSecond);
  let isQuiet = true;
  await waitFor({
    what: 'all replicas to be quiet and equal',
    timeoutMs: promisedSeconds * patience * 1000,
    onProgress: options.print,
    look: async () => {
      const missing = unrest(await Promise.all(urls.map(lookAt))) ?? notInTheLog(replicas, cut);
      return missing === null ? { found: true } : { missing };
    },
  }).catch((error: unknown) => {
    isQuiet = false;
    violations.add('I9', 'not drained', error instanceof Error ? error.message : String(error));
  });
  const seconds = (performance.now() - begunMs) / 1000;
  return { backlog, seconds, promisedSeconds, isQuiet };
}

/** What is still to be done: the largest share of any replica. */
export function backlogOf(looks: readonly (ReplicaLook | null)[]): number {
  const seen = looks.filter((look) => look !== null);
  const most = Math.max(0, ...seen.map(({ rows }) => rows));
  return Math.max(
    0,
    ...seen.map(({ rows, unpublished, lag }) => Math.max(most - rows, lag.records ?? most) + unpublished),
  );
}

/** What is not quiet yet, in words; null when all is. */
export function unrest(looks: readonly (ReplicaLook | null)[]): string | null {
  for (const [index, look] of looks.entries()) {
    const what = look === null ? `replica ${index + 1} does not answer` : unrestOf(look);
    if (what !== null) return what;
  }
  const digests = new Set(looks.map((look) => look?.digest));
  if (digests.size <= 1) return null;
  return `digests differ: ${looks.map((look) => `${look?.replicaId} ${look?.rows} rows`).join(', ')}`;
}

/**
 * An origin that a replica holds and has not seen in the log as far, in words; null when there is none. Where retention
 * took everything up to some row, only the rows above it count.
 */
function notInTheLog(
  replicas: readonly { readonly name: string; readonly database: string }[],
  cut: CutRows | undefined,
): string | null {
  for (const { name, database } of replicas) {
    const behind = originsIn(database).find(
      (origin) => Math.max(origin.published, cut?.prefix(origin.name) ?? 0) < origin.seq,
    );
    if (behind) return `${name} saw ${behind.name} in the log up to ${behind.published} of ${behind.seq}`;
  }
  return null;
}

function unrestOf(look: ReplicaLook): string | null {
  const { replicaId, state, writable, logReachable, unpublished, lag, stalled } = look;
  if (state !== 'live') return `${replicaId} is ${state}`;
  if (!logReachable) return `${replicaId} does not reach the log`;
  if (!writable) return `${replicaId} does not accept writes`;
  if (unpublished > 0) return `${replicaId} has ${unpublished} rows unpublished`;
  if (lag.records !== 0) return `${replicaId} is ${lag.records} records behind`;
  if (stalled.length > 0) return `${replicaId}: ${stalled.length} origins are stalled`;
  return null;
}
