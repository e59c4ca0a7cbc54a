/**
 * The flow: the parts of a replica that exist only with a log, wired to its database.
 *
 *   rows -> publisher -> log -> link -> applier -> rows of the others;  repair <-> peers;  announcer -> beats
 */
import type { Announcement } from './announcement.ts';
import { Announcer } from './announcer.ts';
import { Applier } from './applier.ts';
import { Bootstrap } from './bootstrap.ts';
import type { Chain } from './chain.ts';
import type { History } from './history.ts';
import { LagMeter } from './lag.ts';
import type { Limits } from './limits.ts';
import { LogLink } from './log-link.ts';
import type { Loop, NextStep } from './loop.ts';
import type { Milestones } from './milestones.ts';
import type { Origin, Origins } from './origins.ts';
import { OwnTail } from './own-tail.ts';
import { type CallPeer, httpPeers } from './peer.ts';
import type { Position } from './positions.ts';
import { Publisher } from './publisher.ts';
import type { Registry } from './registry.ts';
import { Repair } from './repair.ts';
import type { ReplicaOptions } from './replica-options.ts';
import type { Database } from './sqlite.ts';
import type { Stall } from './stalls.ts';
import type { Table } from './table.ts';
import { TwinWatch } from './twin-watch.ts';
import type { WriteVersion } from './write-version.ts';
import type { Writer } from './writer.ts';

/** The parts that exist only with a log. */
export interface ReplicaFlow {
  readonly publisher: Publisher;
  readonly publishing: Loop;
  readonly applier: Applier;
  readonly link: LogLink;
  readonly linking: Loop;
  readonly repair: Repair;
  readonly repairing: Loop;
  readonly bootstrap: Bootstrap;
  readonly ownTail: OwnTail;
  readonly lag: LagMeter;
  readonly announcer: Announcer;
  readonly topic: string;
  readonly callPeer: CallPeer;
  /** True while the replica is live, reads the log, and nothing lags. */
  readonly isQuiet: () => boolean;
}

/** What a flow is wired to. */
export interface FlowOptions {
  readonly options: ReplicaOptions;
  readonly replication: NonNullable<ReplicaOptions['replication']>;
  readonly limits: Limits;
  readonly tables: readonly Table[];
  readonly database: Database;
  readonly chain: Chain;
  readonly history: History;
  readonly origins: Origins;
  readonly own: Origin;
  readonly positions: Map<number, Position>;
  /** Seq by origin up to which a log of before had the rows. */
  readonly acknowledgedBefore: ReadonlyMap<string, number>;
  readonly stalls: Map<string, Stall>;
  readonly writer: Writer;
  readonly arrivals: Milestones;
  readonly registry: Registry;
  readonly versions: WriteVersion;
  /** True when the directory held nothing at the start. */
  readonly isEmpty: boolean;
  readonly isCurrent: (origin: string) => boolean;
  /** This replica's next beat. */
  readonly describe: () => Omit<Announcement, 'beat' | 'cluster'>;
  readonly loop: (step: () => Promise<NextStep>) => Loop;
  /** The process has to end. */
  readonly failed: (error: unknown) => void;
}

/** Wires the flow; nothing runs before its loops are started. */
export function wireFlow(parts: FlowOptions): ReplicaFlow {
  const { options, limits, tables, database, chain, history, origins, own } = parts;
  const { positions, stalls } = parts;
  const { writer, arrivals, registry, isEmpty, isCurrent, describe, loop, failed } = parts;
  const { cluster, world } = options;
  const { version: schemaVersion } = options.description;
  const { topic, log, channel } = parts.replication;
  const versionStored = (version: number): void => parts.versions.stored(version);
  const { reader } = database;
  const callPeer = parts.replication.callPeer ?? httpPeers({ chain, limits });
  const ownTail = new OwnTail(own.name);
  const publisher = new Publisher({
    log,
    cluster,
    chain,
    reader,
    history,
    origins,
    ownTail,
    writer,
    world,
    acknowledgedBefore: parts.acknowledgedBefore,
    maxRows: limits.publishRows,
    maxBytes: limits.publishBytes,
    maxWaiters: limits.maxWaiters,
  });
  const publishing = loop(() => publisher.publishOnce());
  const applier = new Applier({
    topic,
    chain,
    history,
    origins,
    reader,
    writer,
    publisher,
    own: own.name,
    ownTail,
    schemaVersion,
    positions,
    stalls,
    arrivals,
    quarantineRecords: limits.quarantineRecords,
    world,
    versionStored,
  });
  const lag = new LagMeter();
  const bootstrap = new Bootstrap({
    databaseFile: options.file,
    cluster,
    schemaVersion,
    topic,
    tables,
    chain,
    reader,
    origins,
    arrivals,
    positions,
    stalls,
    self: () => ({ replicaId: options.replicaId, url: options.url() }),
    registry,
    callPeer,
    snapshotMinRecords: limits.snapshotMinRecords,
    world,
    versionStored,
  });
  const link = new LogLink({
    log,
    applier,
    publisher,
    lag,
    world,
    chain,
    positions,
    isEmpty,
    standstillMs: limits.standstillMs,
    landmarkMs: limits.landmarkMs,
    bootstrap,
    wakePublisher: () => publishing.wake(),
    failed,
  });
  const linking = loop(() => link.step());
  const lagNow = (): number | undefined =>
    lag.lag((partition) => applier.position(partition).next, world.clock.monotonic())?.records;
  const isQuiet = (): boolean => link.state === 'live' && link.isReachable && lagNow() === 0;
  const repair = new Repair({
    visitMs: limits.repairVisitMs,
    own: own.name,
    origins,
    applier,
    publisher,
    registry,
    callPeer,
    world,
    isQuiet,
    isLogCut: () => link.isCut,
    isRunning: () => link.state === 'live' || link.state === 'relinking' || link.state === 'catching-up',
    isCurrent,
    readAgain: () => link.readAgain(),
    wakePublisher: () => publishing.wake(),
  });
  const repairing = loop(() => repair.step());
  const twins = new TwinWatch({ registry, logger: world.logger });
  const heard = (): void => twins.look();
  const announcer = new Announcer({ channel, chain, cluster, registry, world, describe, heard });
  return {
    publisher,
    publishing,
    applier,
    link,
    linking,
    repair,
    repairing,
    bootstrap,
    ownTail,
    lag,
    announcer,
    topic,
    callPeer,
    isQuiet,
  };
}
