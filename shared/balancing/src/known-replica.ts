/**
 * A replica as a caller knows it: where it is, what it last said of itself, and what it therefore holds.
 *
 * Everything in here is a hint, some moments old: it decides who is asked first, never what is true. The replica
 * that is asked checks the token of a read itself.
 */
import type { ReplicaState, Token } from '@dbsync/replication';

/** `unknown`: it has not said anything yet; `silent`: it did, and has stopped answering. */
export type KnownState = ReplicaState | 'unknown' | 'silent';

/** One replica. */
export interface KnownReplica {
  readonly replicaId: string;
  /** Scheme, host and port. */
  readonly url: string;
  readonly state: KnownState;
  /** The run that spoke; null where nobody has said it. */
  readonly origin: string | null;
  /** How far it is behind the log, in milliseconds; null where that is not known. */
  readonly lagMs: number | null;
  readonly isWritable: boolean;
  /** What it holds of living runs and of those that ended last: seq by origin. Other runs are not told. */
  readonly vector: ReadonlyMap<string, number>;
}

/** Finds replicas, and goes on finding them. */
export interface Discovery {
  /** `announced`, `fixed` or `dns`. */
  readonly kind: string;
  /** Begins; never fails, it keeps trying. */
  start(): void;
  /** Bounded in time; never fails. */
  stop(): Promise<void>;
  /** Everybody known now, sorted by replica id. */
  replicas(): readonly KnownReplica[];
}

/** True when the replica has said that it takes traffic, or has said nothing at all. */
export function isReady({ state }: KnownReplica): boolean {
  return state === 'live' || state === 'relinking' || state === 'unknown';
}

/** True when everything that the token names is surely on the replica. */
export function isCovering(replica: KnownReplica, token: Token): boolean {
  for (const [origin, seq] of token) {
    // A living run holds whatever it has given out, published or not.
    if (origin !== replica.origin && (replica.vector.get(origin) ?? 0) < seq) return false;
  }
  return true;
}

/** In the order of replica ids, then of addresses: the order of turns. */
export function byReplicaId(a: KnownReplica, b: KnownReplica): number {
  if (a.replicaId === b.replicaId) return a.url < b.url ? -1 : 1;
  return a.replicaId < b.replicaId ? -1 : 1;
}
