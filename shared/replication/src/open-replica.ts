/**
 * Opens a replica: takes the lock, opens and claims the file, mints the origin of this run, and wires the parts.
 *
 * The order matters: nothing touches the file before the lock is held, and whatever fails gives back what was
 * taken before it. The parts that need a log are wired in `flow.ts`.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { loadAcknowledgedBefore } from './acknowledged-before.ts';
import { Admission } from './admission.ts';
import { type Chain, createChain } from './chain.ts';
import { Consistency } from './consistency.ts';
import { isContradicted } from './damage/contradiction.ts';
import { noteDamage } from './damage/damage-note.ts';
import { markedRun, OpenMark, unmark } from './damage/open-mark.ts';
import { type PreparedFile, prepareFile } from './damage/prepare-file.ts';
import { Recovery } from './damage/recovery.ts';
import { reportingReader } from './damage/reporting-reader.ts';
import { Scrub } from './damage/scrub.ts';
import { claimDirectory } from './directory.ts';
import { isReplicationError } from './errors.ts';
import { type ReplicaFlow, wireFlow } from './flow.ts';
import { History } from './history.ts';
import { removeLeftovers } from './leftovers.ts';
import { withDefaults } from './limits.ts';
import { lockDirectory } from './lock.ts';
import { Loop, type NextStep } from './loop.ts';
import { Milestones } from './milestones.ts';
import { mintOrigin } from './origin.ts';
import { Origins } from './origins.ts';
import { loadPositions } from './positions.ts';
import { ReadTokens } from './read-token.ts';
import { Registry } from './registry.ts';
import { RemovedReplicas } from './removed-replicas.ts';
import { Replica } from './replica.ts';
import type { ReplicaOptions } from './replica-options.ts';
import type { ReplicaParts } from './replica-parts.ts';
import { createTables } from './schema.ts';
import { SnapshotDonor } from './snapshot-donor.ts';
import { type Database, openDatabase } from './sqlite.ts';
import { chooseSqliteClient } from './sqlite-driver.ts';
import { loadStalls, resumeSchemaStalls } from './stalls.ts';
import { defineTable, type Table } from './table.ts';
import { loadAcceptedVersion, newestRowVersion, WriteVersion } from './write-version.ts';
import { Writer } from './writer.ts';

/**
 * Opens a replica; nothing runs before its `start()`.
 * @throws `directory-locked`, `directory-refused`, `database-damaged`, `database-failed`.
 */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  try {
    return await open(options);
  } catch (error) {
    // Found only now, because the check before it is bounded. Noted, it is dealt with like any other.
    if (!isReplicationError(error, 'database-damaged')) throw error;
    const { file, world } = options;
    noteDamage(file, { what: error.message, nowMs: world.clock.now(), last: markedRun(file) });
    return open(options);
  }
}

async function open(options: ReplicaOptions): Promise<Replica> {
  const limits = withDefaults(options.limits ?? {});
  const tables = options.description.tables.map(defineTable);
  const folder = dirname(options.file);
  if (options.sqliteClient) chooseSqliteClient(options.sqliteClient);
  mkdirSync(folder, { recursive: true });
  const lock = await lockDirectory(folder, `${options.replicaId} (pid ${process.pid})`);
  let database: Database | undefined;
  try {
    removeLeftovers(folder);
    const chain = createChain(options);
    const prepared = await prepareFile({ options, limits, tables, chain });
    const { busyTimeoutMs, readers } = limits;
    database = await openDatabase({ file: prepared.file, busyTimeoutMs, readers });
    return await wire({ options, limits, tables, lock, database, prepared, chain });
  } catch (error) {
    // A file that was closed in order has no log, and must have no mark; of a damaged one the mark tells what was lost.
    if (database && !isReplicationError(error, 'database-damaged')) unmark(options.file);
    await database?.close();
    await lock.release();
    throw error;
  }
}

type Opened = Pick<ReplicaParts, 'lock' | 'database' | 'limits'> & {
  options: ReplicaOptions;
  tables: Table[];
  prepared: PreparedFile;
  chain: Chain;
};

async function wire(opened: Opened): Promise<Replica> {
  const { options, tables, lock, prepared, chain } = opened;
  const { replicaId, cluster, world, replication } = options;
  // A replica that is rebuilt prefers a snapshot to the log, however short that is.
  const limits =
    prepared.note?.phase === 'set-aside' ? { ...opened.limits, snapshotMinRecords: 0 } : opened.limits;
  let isWired = false;
  // Before everything is wired a failure is the opening's, which deals with it by itself.
  const reader = reportingReader(opened.database.reader, (error) => {
    if (isWired) failed(error);
  });
  const close = async (): Promise<void> => {
    mark.remove();
    await opened.database.close();
  };
  const database = { ...opened.database, reader, close };
  const { version: schemaVersion } = options.description;
  await createTables(database.writer, tables);
  await claimDirectory(database.writer, { replicaId, cluster, schemaVersion });
  const topic = replication?.topic ?? '';
  const origins = await Origins.load(database.reader);
  const positions = await loadPositions(database.reader, topic);
  const stalls = await loadStalls(database.reader, topic);
  await resumeSchemaStalls({ connection: database.writer, topic, schemaVersion, stalls, positions });
  const acknowledgedBefore = await loadAcknowledgedBefore(database.reader);
  const newestRow = await newestRowVersion(opened.database.reader, tables);
  const accepted = await loadAcceptedVersion(database.writer, schemaVersion);
  const isEmpty = origins.list().length === 0 && positions.size === 0;

  const { clock } = world;
  const history = new History(tables);
  const known = origins.list().map(({ name }) => name);
  const own = origins.fresh(mintOrigin(replicaId, world, known), { isMinted: true });
  const mark = new OpenMark(prepared.file, own.name);
  const arrivals = new Milestones({ clock, maxWaiters: limits.maxWaiters });
  const registry = new Registry(clock);
  const versions = new WriteVersion({
    known: schemaVersion,
    replicaId,
    origins,
    registry,
    holdMs: limits.schemaHoldMs,
    isRemoved: (id) => removed.has(id),
    isAlone: replication === undefined,
    newestRow,
    accepted,
  });
  let hasFailed = false;
  const failed = (error: unknown): void => {
    if (isReplicationError(error, 'database-damaged')) recovery.found(error);
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
    schemaVersion: () => versions.current,
    maxQueued: limits.maxQueuedWrites,
    maxRowBytes: limits.maxRowBytes,
    observe: world.observe,
    assertAlone: () => lock.assertHeld(),
    wake: () => commits.wake(),
    committed: ({ name, seq }, version, rows) => {
      flow?.ownTail.add(rows);
      versions.stored(version);
      mark.committed(seq);
      arrivals.reached(name, seq);
      flow?.publishing.wake();
    },
  });

  const isCurrent = (name: string): boolean => name === own.name || registry.liveOrigins().includes(name);
  const flow: ReplicaFlow | undefined =
    replication &&
    wireFlow({
      options: { ...options, file: prepared.file },
      replication,
      limits,
      tables,
      database,
      chain,
      history,
      origins,
      own,
      positions,
      stalls,
      acknowledgedBefore,
      writer,
      arrivals,
      registry,
      versions,
      isEmpty,
      isCurrent,
      describe: () => replica.announcement(),
      loop,
      failed,
    });
  const removed = await RemovedReplicas.load({ reader: database.reader, writer });
  const consistency = new Consistency({
    own: own.name,
    origins,
    arrivals,
    registry,
    clock,
    limits,
    isRecovering: () => recovery.isUnderWay,
    isRemoved: (replicaId) => removed.has(replicaId),
    hasRead: () =>
      !flow || (flow.link.hasCaughtUp && flow.link.state !== 'relinking' && !flow.applier.isBack),
    isCurrent,
    isStalled: (name) => stalls.has(name) && flow?.repair.isDismissed(name) !== true,
  });
  const { held, note } = prepared;
  const admission = new Admission({ flow, limits, isEmptyAtStart: isEmpty, held });
  const recovery = new Recovery({
    options,
    chain,
    registry,
    origins,
    note,
    held,
    rebuildWaitMs: limits.rebuildWaitMs,
    salvaging: flow && { history, origins, applier: flow.applier, writer },
    isQuiet: () => flow?.isQuiet() ?? true,
    failed,
  });
  const scrub = new Scrub({
    file: prepared.file,
    reader,
    history,
    origins,
    chain,
    world,
    percent: limits.scrubPercent,
    pauseMs: limits.scrubPauseMs,
    isContradicted: async (place) =>
      flow ? isContradicted(place, { replicaId, registry, callPeer: flow.callPeer, chain }) : false,
  });
  const donor = new SnapshotDonor({
    admission,
    databaseFile: prepared.file,
    failed,
    cluster,
    own: own.name,
    tables,
    now: () => clock.now(),
    observe: world.observe,
  });
  const replica = new Replica(options, {
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
    versions,
    consistency,
    removed,
    readTokens: new ReadTokens({ own: own.name, origins, registry, clock }),
    admission,
    donor,
    limits,
    flow,
    isCurrent,
    recovery,
    recovering: loop(() => recovery.step()),
    scrub,
    scrubbing: loop(() => scrub.step()),
  });
  isWired = true;
  return replica;
}
