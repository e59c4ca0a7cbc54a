/**
 * Discovery by announcements: replicas as they tell of themselves over Kafka, once a second.
 *
 * Five seconds of silence while others are heard, or a goodbye, take a replica out; while Kafka is away the last
 * known list stays, and calls tell who answers. Both are the registry's business, in the replication library;
 * here its entries become known replicas.
 */
import { createReplicaRegistry, type KafkaConnection, type ReplicaRegistry } from '@dbsync/replication';
import type { Logger } from '@dbsync/service-kit';
import { byReplicaId, type Discovery, type KnownReplica } from './known-replica.ts';

const STOP_DEADLINE_MS = 2_000;

type LiveReplica = ReturnType<ReplicaRegistry['replicas']>[number];

/** Whose announcements to follow. */
export interface AnnouncedOptions {
  readonly kafka: KafkaConnection;
  readonly cluster: string;
  readonly secret: string;
  readonly database: string;
  readonly topicPrefix: string;
  readonly logger: Logger;
}

/** Makes a discovery that follows announcements; `registry` stands in for the one on Kafka in tests. */
export function announcedReplicas(options: AnnouncedOptions, registry?: ReplicaRegistry): Discovery {
  const { logger } = options;
  const heard = registry ?? createReplicaRegistry(options);
  // One entry a beat, however often it is asked for.
  const known = new WeakMap<object, KnownReplica | null>();
  return {
    kind: 'announced',
    start: () => {
      heard.start().catch((err: unknown) => logger.error({ err }, 'announcements cannot be followed'));
    },
    // Kafka's client may hang in its stop; the process is about to end, so it may stay behind.
    stop: () => withinDeadline(heard.stop(), logger),
    replicas: () =>
      heard
        .replicas()
        .flatMap((live) => {
          let entry = known.get(live.announcement);
          if (entry === undefined) {
            entry = toKnown(live);
            known.set(live.announcement, entry);
          }
          return entry ?? [];
        })
        .sort(byReplicaId),
  };
}

function toKnown({ replicaId, origin, state, url, announcement }: LiveReplica): KnownReplica | null {
  const address = URL.parse(url)?.origin;
  if (address === undefined) return null;
  const { others, ended, published, isWritable, lag } = announcement;
  const vector = new Map([...Object.entries(ended.latest), ...Object.entries(others)]);
  vector.set(origin, published);
  // `leaving` is announced once and then no entry any more.
  const known = state === 'leaving' ? 'stopped' : state;
  return { replicaId, url: address, state: known, origin, lagMs: lag.ms, isWritable, vector };
}

async function withinDeadline(stopping: Promise<void>, logger: Logger): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(() => {
      logger.warn({ deadlineMs: STOP_DEADLINE_MS }, 'announcements were not left in time');
      resolve();
    }, STOP_DEADLINE_MS);
  });
  const left = stopping.catch((err: unknown) => logger.warn({ err }, 'announcements were not left'));
  await Promise.race([left, tooLate]);
  clearTimeout(timer);
}
