/**
 * Discovery without looking: replicas are known as the test says.
 */
import type { Discovery, KnownReplica } from '../src/known-replica.ts';

/** A replica as its announcement would make it known. */
export function knownReplica(
  { replicaId, url }: { readonly replicaId: string; readonly url: string },
  change: Partial<KnownReplica> = {},
): KnownReplica {
  return {
    replicaId,
    url,
    state: 'live',
    origin: null,
    lagMs: 0,
    isWritable: true,
    vector: new Map(),
    ...change,
  };
}

/** A discovery of exactly these. */
export function discoveryOf(replicas: () => readonly KnownReplica[]): Discovery {
  return { kind: 'fake', start: () => undefined, stop: async () => undefined, replicas };
}
