/**
 * Opens a replica: takes the lock, opens and claims the file, mints the origin of this run, and wires the parts.
 *
 * The order matters: nothing touches the file before the lock is held, and whatever fails gives back what was
 * taken before it.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Announcement } from './announcement.ts';
import { Announcer } from './announcer.ts';
import { Applier } from './applier.ts';
import { bootstrapFromPeer, DOWNLOAD_FILE } from './bootstrap.ts';
import { createChain } from './chain.ts';
import { Consistency } from './consistency.ts';
import { claimDirectory } from './directory.ts';
import { History } from './history.ts';
import { LagMeter } from './lag.ts';
import { withDefaults } from './limits.ts';
import { lockDirectory } from './lock.ts';
import { LogLink } from './log-link.ts';
import { Loop, type NextStep } from './loop.ts';
import { Milestones } from './milestones.ts';
import { mintOrigin } from './origin.ts';
import { Origins } from './origins.ts';
import { httpPeers } from './peer.ts';
import { loadPositions } from './positions.ts';
import { Publisher } from './publisher.ts';
import { Registry } from './registry.ts';
import { Repair } from './repair.ts';
import { Replica, type ReplicaFlow, type ReplicaOptions, type ReplicaParts } from './replica.ts';
import { createTables } from './schema.ts';
import { SNAPSHOT_PREFIX } from './snapshot.ts';
import { type Database, openDatabase } from './sqlite.ts';
import { loadStalls, resumeSchemaStalls } from './stalls.ts';
import { defineTable, type Table } from './table.ts';
import { Writer } from './writer.ts';

/**
 * Opens a replica; nothing runs before its `start()`.
 * @throws `directory-locked`, `directory-refused`, `database-damaged`, `database-failed`.
 */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const limits = withDefaults(options.limits ?? {});
  const tables = options.description.tables.map(defineTable);
  const folder = dirname(options.file);
  mkdirSync(folder, { recursive: true });
  const lock = await lockDirectory(folder, `${options.replicaId} (pid ${process.pid})`);
  let database: Database | undefined;
  try {
    removeLeftovers(folder);
    const { busyTimeoutMs, readers } = limits;
    database = await openDatabase({ file: options.file, busyTimeoutMs, readers });
    return await wire({ options, limits, tables, lock, database });
  } catch (error) {
    await database?.close();
    await lock.release();
    throw error;
  }
}

/** Copies that a crash left in the making. */
function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(SNAPSHOT_PREFIX) || name === DOWNLOAD_FILE) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}

type Opened = Pick<ReplicaParts, 'lock' | 'database' | 'limits'> & {
  options: ReplicaOptions;
  tables: Table[];
};

async function wire({ options, limits, tables, lock, database }: Opened): Promise<Replica> {
  const { replicaId, cluster, secret, world, replication } = options;
  const { version: schemaVersion } = options.description;
  await createTables(database.writer, tables);
  await claimDirectory(database.writer, { replicaId, cluster, schemaVersion });
  const topic = replication?.topic ?? '';
  const origins = await Origins.load(database.reader);
  const positions = await loadPositions(database.reader, topic);
  const stalls = await loadStalls(database.reader, topic);
  await resumeSchemaStalls({ connection: database.writer, topic, schemaVersion, stalls, positions });
  const isEmpty = origins.list().length === 0 && positions.size === 0;

  const { clock } = world;
  const chain = createChain({ cluster, secret });
  const history = new History(tables);
  const own = origins.fresh(mintOrigin(replicaId, world), { isMinted: true });
  const arrivals = new Milestones({ clock, maxWaiters: limits.maxWaiters });
  const registry = new Registry(clock);
  let hasFailed = false;
  const failed = (error: unknown): void => {
    if (!hasFailed) options.failed(error);
    hasFailed = true;
  };
  const loop = (step: () => Promise<NextStep>): Loop => new Loop({ clock, step, failed });

  const commits = loop(async () => {
    await writer.commitOnce();
    return writer.hasWork ? 0 : Number.POSITIVE_INFINITY;
  });
  const writer = new Writer({
    connection: database.writer,
    history,
    origins,
    own,
    chain,
    schemaVersion,
    maxQueued: limits.maxQueuedWrites,
    maxRowBytes: limits.maxRowBytes,
    observe: world.observe,
    wake: () => commits.wake(),
    committed: ({ name, seq }) => {
      arrivals.reached(name, seq);
      flow?.publishing.wake();
    },
  });

  const isCurrent = (name: string): boolean => name === own.name || registry.liveOrigins().includes(name);
  const flow: ReplicaFlow | undefined = replication && wireFlow();
  const hasCaughtUp = (): boolean => flow?.link.hasCaughtUp ?? true;
  const consistency = new Consistency({
    own: own.name,
    origins,
    arrivals,
    registry,
    clock,
    limits,
    hasCaughtUp,
    isCurrent,
    isStalled: (name) => stalls.has(name) && flow?.repair.isDismissed(name) !== true,
  });
  const parts = {
    lock,
    database,
    origins,
    history,
    chain,
    own,
    writer,
    commits,
    arrivals,
    registry,
    consistency,
    limits,
    flow,
  };
  const replica = new Replica(options, parts, { isEmpty, isCurrent });
  return replica;

  function wireFlow(): ReplicaFlow | undefined {
    if (!replication) return undefined;
    const { log, channel } = replication;
    const callPeer = replication.callPeer ?? httpPeers(chain);
    const publisher = new Publisher({
      log,
      cluster,
      chain,
      reader: database.reader,
      history,
      origins,
      writer,
      world,
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
      reader: database.reader,
      writer,
      publisher,
      own: own.name,
      schemaVersion,
      positions,
      stalls,
      arrivals,
      world,
    });
    const lag = new LagMeter();
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
      snapshotMinRecords: limits.snapshotMinRecords,
      bootstrap: () =>
        bootstrapFromPeer({
          databaseFile: options.file,
          cluster,
          schemaVersion,
          topic,
          tables,
          chain,
          reader: database.reader,
          origins,
          positions,
          stalls,
          registry,
          callPeer,
          world,
        }),
      wakePublisher: () => publishing.wake(),
      failed,
    });
    const linking = loop(() => link.step());
    const lagNow = (): number | undefined =>
      lag.lag((partition) => applier.position(partition).next, clock.monotonic())?.records;
    const repair = new Repair({
      own: own.name,
      origins,
      applier,
      publisher,
      registry,
      callPeer,
      world,
      isQuiet: () => link.state === 'live' && link.isReachable && lagNow() === 0,
      isRunning: () => link.state === 'live' || link.state === 'relinking' || link.state === 'catching-up',
      isCurrent,
      readAgain: () => link.readAgain(),
      wakePublisher: () => publishing.wake(),
    });
    const repairing = loop(() => repair.step());
    const describe = (): Omit<Announcement, 'beat' | 'cluster'> => replica.announcement();
    const announcer = new Announcer({ channel, chain, cluster, registry, world, describe });
    return { publisher, publishing, applier, link, linking, repair, repairing, lag, announcer, topic };
  }
}
