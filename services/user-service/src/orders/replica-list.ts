/**
 * Where the list of order replicas comes from: fixed in the configuration, or announced over Kafka.
 *
 * Both give the same `() => replicas` to order-replicas.ts. Listening to announcements is left to the
 * replication library, of which only the part needed here is described.
 */
import type { OrderReplica } from './order-replicas.ts';

/** What is needed of the library's registry of announced replicas. */
export interface ReplicaRegistry {
  /** Begins to listen; does not fail while Kafka is away. */
  start(): Promise<void>;
  stop(): Promise<void>;
  replicas(): readonly { replicaId: string; url: string; state: string }[];
}

/** Replicas at fixed addresses, named after them. */
export function fixedReplicas(urls: readonly string[]): () => readonly OrderReplica[] {
  const replicas = urls.map((url) => ({ replicaId: new URL(url).host, url }));
  return () => replicas;
}

/**
 * Replicas as they announce themselves: those that are live, or all when none is, because orders that are not
 * up to date are better than none.
 */
export function announcedReplicas(
  registry: Pick<ReplicaRegistry, 'replicas'>,
): () => readonly OrderReplica[] {
  return () => {
    const known = registry.replicas();
    const live = known.filter(({ state }) => state === 'live');
    return (live.length > 0 ? live : known).flatMap(({ replicaId, url }) => {
      const origin = URL.parse(url)?.origin;
      return origin === undefined ? [] : [{ replicaId, url: origin }];
    });
  };
}
