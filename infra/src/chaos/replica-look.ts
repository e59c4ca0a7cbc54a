/**
 * A look at a replica from outside: its status, its process, its directory.
 */
import { readFileSync } from 'node:fs';

/** The part of `GET /replication/status` that a chaos run goes by. */
export interface ReplicaLook {
  readonly replicaId: string;
  readonly origin: string;
  readonly state: string;
  readonly digest: string;
  readonly rows: number;
  readonly unpublished: number;
  readonly quarantined: number;
  readonly writable: boolean;
  readonly logReachable: boolean;
  readonly lag: { readonly records: number | null };
  readonly damage: { readonly state: string; readonly last: { readonly keptAs: string | null } | null };
  readonly stalled: readonly { readonly origin: string }[];
  readonly counters: {
    readonly duplicates: number;
    readonly relinks: number;
    readonly readersReplaced: number;
  };
}

const lookMs = 3000;

/** Asks a replica for its status; null when it does not answer in 3 s. */
export async function lookAt(url: string): Promise<ReplicaLook | null> {
  return askFor<ReplicaLook>(`${url}/replication/status`);
}

/** Asks a replica for its vector; null when it does not answer in 3 s. */
export async function vectorOf(url: string): Promise<Readonly<Record<string, { seq: number }>> | null> {
  const answer = await askFor<{ vector: Record<string, { seq: number }> }>(`${url}/replication/vector`);
  return answer?.vector ?? null;
}

/** True when `/readyz` says yes. */
export async function isReady(url: string): Promise<boolean> {
  return answers(`${url}/readyz`, 2000);
}

/** True when `/livez` is answered at all within `withinMs`. */
export async function isAnswering(url: string, withinMs: number): Promise<boolean> {
  return answers(`${url}/livez`, withinMs);
}

/** The letter that Linux gives a process's state (`T`: stopped by a signal); null when there is no such process. */
export function processState(pid: number | null): string | null {
  const stat = readProc(`${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) ?? null;
}

/** Memory of a process in MiB, as the system counts what is resident; null when there is no such process. */
export function residentMegabytes(pid: number | null): number | null {
  const kilobytes = /^VmRSS:\s*(\d+)/m.exec(readProc(`${pid}/status`) ?? '')?.[1];
  return kilobytes === undefined ? null : Math.round(Number(kilobytes) / 1024);
}

function readProc(path: string): string | null {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return null;
  }
}

async function askFor<T>(url: string): Promise<T | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(lookMs) });
    return answer.ok ? ((await answer.json()) as T) : null;
  } catch {
    return null;
  }
}

async function answers(url: string, withinMs: number): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}
