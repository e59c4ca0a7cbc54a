/**
 * The status of a replica: what operators, dashboards and `verify` read.
 */

import type { Admission } from './admission.ts';
import type { ReplicaState } from './announcement.ts';
import { type ApplyCounters, NOTHING_APPLIED } from './apply-tally.ts';
import type { BootstrapProgress } from './bootstrap.ts';
import type { DamageStatus } from './damage/recovery.ts';
import type { ScrubStatus } from './damage/scrub.ts';
import type { ReplicationErrorCode } from './errors.ts';
import type { ReplicaFlow } from './flow.ts';
import { replicaOf } from './origin.ts';
import { describeEnded, digestOf, type Origins, type Vector } from './origins.ts';
import { countRefused, type Refused } from './quarantine.ts';
import type { Registry, Twins } from './registry.ts';
import type { Database } from './sqlite.ts';
import { NOWHERE, type Stall } from './stalls.ts';
import type { Clock } from './surroundings.ts';
import type { OlderReplica, WriteVersion } from './write-version.ts';
import type { Writer } from './writer.ts';

/**
 * What waits for an operator:
 *
 *   event-too-large  a row that the broker takes only with a larger `max.message.bytes`; what is behind it of its origin
 *                    waits. `bytes` of its value
 *   hidden-rows      rows that this build's rules refuse: kept at their place, shown by no read. 1000 stands for more
 *   contradictions   genuine events in quarantine that are not what is stored at their place: two lives of one run
 */
export type Alarm =
  | {
      readonly code: Extract<ReplicationErrorCode, 'event-too-large'>;
      readonly origin: string;
      readonly seq: number;
      readonly bytes: number;
    }
  | { readonly code: 'hidden-rows'; readonly rows: number }
  | { readonly code: 'contradictions'; readonly records: number };

/** A replica at one moment. Lags and ends are null where they are not known (broker away, or isolated). */
export interface ReplicaStatus {
  readonly replicaId: string;
  readonly origin: string;
  readonly state: ReplicaState;
  /** Why the state is `stopped`. */
  readonly stopReason?: string;
  /** Current origins: this run and those of the replicas that are alive. */
  readonly vector: Vector;
  /** All other origins, as a count and a digest; those that began last by name, too. */
  readonly ended: {
    readonly origins: number;
    readonly digest: string;
    readonly latest: Readonly<Record<string, number>>;
  };
  /** One hash over the whole vector: equal digests, equal replicas. */
  readonly digest: string;
  readonly rows: number;
  /** Own rows, of this and earlier runs, that were not yet read back from the log. */
  readonly unpublished: number;
  /** How far the snapshot has come that an empty replica is built from; null at all other times. */
  readonly bootstrap: BootstrapProgress | null;
  readonly lag: { readonly records: number | null; readonly ms: number | null };
  readonly positions: readonly { topic: string; partition: number; next: number; end: number | null }[];
  readonly stalled: readonly {
    origin: string;
    reason: Stall['reason'];
    /** The version that this build has to be upgraded to; null for a hole. */
    schemaVersion: number | null;
    since: string;
    /** Where the log shows the first event that could not be applied; null where only a peer has it. */
    partition: number | null;
    offset: number | null;
    /** True when no known replica has the missing rows. */
    dismissed: boolean;
  }[];
  /** What waits for an operator, by a code that does not change; empty when all is well. */
  readonly alarms: readonly Alarm[];
  /** Replica ids that more than one process uses, with their living runs; empty when all is well. */
  readonly twins: readonly Twins[];
  /** Newest version that this build knows, the one that it writes, and whom it waits for where they differ. */
  readonly schema: {
    readonly knows: number;
    readonly writes: number;
    readonly waitsFor: readonly OlderReplica[];
  };
  readonly quarantined: number;
  readonly writable: boolean;
  /** Writes that wait for the disk. */
  readonly queued: number;
  /** False while the broker does not answer. */
  readonly logReachable: boolean;
  /** What is known of damage to the database, and what came of the last one. */
  readonly damage: DamageStatus;
  /** The background check of rows and file. */
  readonly scrub: ScrubStatus;
  /** Since the start of this run. */
  readonly counters: ApplyCounters & {
    readonly republished: number;
    readonly readersReplaced: number;
    readonly relinks: number;
  };
}

const NO_COUNTERS: ReplicaStatus['counters'] = {
  ...NOTHING_APPLIED,
  republished: 0,
  readersReplaced: 0,
  relinks: 0,
};

/** Puts the status together. */
export async function describeStatus(parts: {
  own: string;
  origins: Origins;
  writer: Writer;
  reader: Database['reader'];
  clock: Clock;
  registry: Registry;
  isCurrent: (origin: string) => boolean;
  admission: Admission;
  knownVersion: number;
  versions: WriteVersion;
  flow: ReplicaFlow | undefined;
  damage: DamageStatus;
  scrub: ScrubStatus;
}): Promise<ReplicaStatus> {
  const { own, origins, flow, isCurrent } = parts;
  const refused = await countRefused(parts.reader);
  const ended = origins.vector((name) => !isCurrent(name));
  const lag = flow?.lag.lag((partition) => flow.applier.position(partition).next, parts.clock.monotonic());
  const stopReason = parts.admission.stopReason?.message;
  return {
    replicaId: replicaOf(own),
    origin: own,
    state: parts.admission.state,
    ...(stopReason === undefined ? {} : { stopReason }),
    vector: origins.vector(isCurrent),
    ended: describeEnded(ended),
    digest: digestOf(origins.vector()),
    rows: origins.rows(),
    unpublished: flow?.publisher.unpublished() ?? 0,
    bootstrap: flow?.bootstrap.progress ?? null,
    lag: { records: lag?.records ?? null, ms: lag?.ms ?? null },
    positions: positionsOf(flow),
    stalled: (flow?.applier.stalls() ?? []).map((stall) => describeStall(stall, flow)),
    alarms: alarmsOf(flow, refused),
    twins: parts.registry.twins(),
    schema: schemaOf(parts),
    quarantined: refused.quarantined,
    writable: parts.admission.isWritable(),
    queued: parts.writer.queued,
    logReachable: flow?.link.isReachable ?? false,
    damage: parts.damage,
    scrub: parts.scrub,
    counters: flow
      ? {
          ...flow.applier.counters,
          republished: flow.publisher.republished,
          ...flow.link.counters,
        }
      : NO_COUNTERS,
  };
}

function alarmsOf(flow: ReplicaFlow | undefined, { hidden, contradictions }: Refused): Alarm[] {
  const alarms: Alarm[] = (flow?.publisher.tooLarge() ?? []).map((row) => ({
    code: 'event-too-large',
    ...row,
  }));
  if (hidden > 0) alarms.push({ code: 'hidden-rows', rows: hidden });
  if (contradictions > 0) alarms.push({ code: 'contradictions', records: contradictions });
  return alarms;
}

function describeStall(
  { origin, reason, schemaVersion, since, partition, position }: Stall,
  flow: ReplicaFlow | undefined,
): ReplicaStatus['stalled'][number] {
  const isPlaced = partition !== NOWHERE;
  return {
    origin,
    reason,
    schemaVersion: reason === 'schema' ? schemaVersion : null,
    since,
    partition: isPlaced ? partition : null,
    offset: isPlaced ? position.next : null,
    dismissed: flow?.repair.isDismissed(origin) ?? false,
  };
}

function schemaOf({
  knownVersion: knows,
  versions,
}: {
  knownVersion: number;
  versions: WriteVersion;
}): ReplicaStatus['schema'] {
  const writes = versions.current;
  return { knows, writes, waitsFor: writes < knows ? versions.olderReplicas() : [] };
}

function positionsOf(flow: ReplicaFlow | undefined): ReplicaStatus['positions'] {
  if (!flow) return [];
  return Array.from({ length: flow.link.partitions }, (_, partition) => ({
    topic: flow.topic,
    partition,
    next: flow.applier.position(partition).next,
    end: flow.lag.end(partition) ?? null,
  }));
}
