/**
 * Opens a replica: takes the lock, opens and claims the file, mints the origin of this run, and wires the parts.
 *
 * The order matters: nothing touches the file before the lock is held, and whatever fails gives back what was
 * taken before it. The parts that need a log are wired in `flow.ts`.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Admission } from './admission.ts';
import { DOWNLOAD_FILE } from './bootstrap.ts';
import { createChain } from './chain.ts';
import { Consistency } from './consistency.ts';
import { claimDirectory } from './directory.ts';
import { type ReplicaFlow, wireFlow } from './flow.ts';
import { History } from './history.ts';
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
import { SNAPSHOT_PREFIX } from './snapshot.ts';
import { SnapshotDonor } from './snapshot-donor.ts';
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
  const known = origins.list().map(({ name }) => name);
  const own = origins.fresh(mintOrigin(replicaId, world, known), { isMinted: true });
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
  const flow: ReplicaFlow | undefined =
    replication &&
    wireFlow({
      options,
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
      writer,
      arrivals,
      registry,
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
    isRemoved: (replicaId) => removed.has(replicaId),
    hasCaughtUp: () => flow?.link.hasCaughtUp ?? true,
    isCurrent,
    isStalled: (name) => stalls.has(name) && flow?.repair.isDismissed(name) !== true,
  });
  const admission = new Admission({ flow, limits, isEmptyAtStart: isEmpty });
  const donor = new SnapshotDonor({
    admission,
    databaseFile: options.file,
    cluster,
    schemaVersion,
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
    consistency,
    removed,
    readTokens: new ReadTokens({ own: own.name, origins, registry, clock }),
    admission,
    donor,
    limits,
    flow,
    isCurrent,
  });
  return replica;
}
