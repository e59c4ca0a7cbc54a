/**
 * The replica: what a service holds in its hands. It puts the parts together and owns their start and stop.
 *
 *   insert -> writer -> own SQLite -> publisher -> log -> applier -> own SQLite of the others
 *
 * Reads go to `reads` and see what this replica has committed. Without a log (isolated) it is a plain database
 * with the same tables.
 */
import type { Announcement, AnnouncementChannel } from './announcement.ts';
import type { Announcer } from './announcer.ts';
import type { Applier } from './applier.ts';
import type { Chain } from './chain.ts';
import type { ChangeLog } from './change-log.ts';
import type { Consistency } from './consistency.ts';
import { type DeepCheck, deepCheck } from './deep-check.ts';
import { isReplicationError, ReplicationError } from './errors.ts';
import type { History, StoredEvent } from './history.ts';
import type { LagMeter } from './lag.ts';
import type { Limits } from './limits.ts';
import type { DirectoryLock } from './lock.ts';
import type { LogLink } from './log-link.ts';
import type { Loop } from './loop.ts';
import type { Milestones } from './milestones.ts';
import { digestOf, type Origin, type Origins, type Vector } from './origins.ts';
import type { CallPeer } from './peer.ts';
import type { Publisher } from './publisher.ts';
import type { Registry } from './registry.ts';
import type { Repair } from './repair.ts';
import { type TakenSnapshot, takeSnapshot } from './snapshot.ts';
import type { Database } from './sqlite.ts';
import { describeStatus, type ReplicaStatus } from './status.ts';
import type { Surroundings } from './surroundings.ts';
import type { DatabaseDescription } from './table.ts';
import { formatToken, type Token } from './token.ts';
import { Upkeep } from './upkeep.ts';
import type { Writer } from './writer.ts';

/** How a replica is described. */
export interface ReplicaOptions {
  readonly replicaId: string;
  readonly cluster: string;
  readonly secret: string;
  /** SQLite file; its directory is created, locked and belongs to this replica alone. */
  readonly file: string;
  readonly description: DatabaseDescription;
  /** How others reach this replica's service. Read when a beat is sent. */
  readonly url: () => string;
  /** Absent: isolated, nothing leaves this replica. */
  readonly replication?: {
    readonly topic: string;
    readonly log: ChangeLog;
    readonly channel: AnnouncementChannel;
    /** How other replicas are asked. Default: over HTTP, at the URLs that they announce. */
    readonly callPeer?: CallPeer;
  };
  readonly limits?: { readonly [K in keyof Limits]?: Limits[K] | undefined };
  readonly world: Surroundings;
  /** Called once when only a restart can help (outcome unknown, fork, damage): end the process. */
  readonly failed: (error: unknown) => void;
}

/** How long leaving the log may take in a stop, in milliseconds. */
const LEAVE_MS = 3000;

/** How sure a write has to be before it is answered. */
export type WriteConcern = 'local' | 'log';

/** The parts of a replica; `openReplica` puts them together. */
export interface ReplicaParts {
  readonly lock: DirectoryLock;
  readonly database: Database;
  readonly origins: Origins;
  readonly history: History;
  readonly chain: Chain;
  readonly own: Origin;
  readonly writer: Writer;
  readonly commits: Loop;
  readonly arrivals: Milestones;
  readonly registry: Registry;
  readonly consistency: Consistency;
  readonly limits: Limits;
  readonly flow: ReplicaFlow | undefined;
}

/** The parts that exist only with a log. */
export interface ReplicaFlow {
  readonly publisher: Publisher;
  readonly publishing: Loop;
  readonly applier: Applier;
  readonly link: LogLink;
  readonly linking: Loop;
  readonly repair: Repair;
  readonly repairing: Loop;
  readonly lag: LagMeter;
  readonly announcer: Announcer;
  readonly topic: string;
}

/** One replica of a database. */
export class Replica {
  readonly #options: ReplicaOptions;
  readonly #parts: ReplicaParts;
  readonly #isEmptyAtStart: boolean;
  readonly #isCurrent: (origin: string) => boolean;
  #stopping: Promise<void> | undefined;
  #isCopying = false;
  #isDiskFull = false;

  /** Use `openReplica`. */
  constructor(
    options: ReplicaOptions,
    parts: ReplicaParts,
    about: { isEmpty: boolean; isCurrent: (origin: string) => boolean },
  ) {
    this.#options = options;
    this.#parts = parts;
    this.#isEmptyAtStart = about.isEmpty;
    this.#isCurrent = about.isCurrent;
  }

  /** The origin of this run. */
  get origin(): string {
    return this.#parts.own.name;
  }

  /** Read-only access to the tables, for the service's own queries. */
  get reads(): Database['reader'] {
    return this.#parts.database.reader;
  }

  /** What an operator looks at and mends. */
  get upkeep(): Upkeep {
    const { database, history, origins, writer } = this.#parts;
    return new Upkeep({ reader: database.reader, history, origins, writer });
  }

  /** Begins to publish, to follow the log and to announce. */
  start(): void {
    const { commits, flow } = this.#parts;
    commits.start();
    flow?.publishing.start();
    flow?.linking.start();
    flow?.repairing.start();
    flow?.announcer.start();
  }

  /**
   * Stores one row and answers with its consistency token.
   * @throws `invalid-row`, `row-too-large`, `key-taken`: nothing stored, do not retry as it is.
   * @throws `not-ready`, `stopped`, `too-many-unpublished`, `log-unreachable`, `overloaded`, `disk-full`,
   * `database-busy`: nothing stored, retry later.
   * @throws `not-yet-logged` (with `token`): stored here, the log has not acknowledged it in time.
   * @throws `outcome-unknown`: stored or not, the restart tells.
   */
  async insert(table: string, row: unknown, options: { concern: WriteConcern }): Promise<{ token: string }> {
    const { writer, history, flow, limits } = this.#parts;
    this.#refuseWrite(options.concern);
    const description = history.table(table);
    if (!description) throw new Error(`no table '${table}' is described`);
    try {
      const written = await writer.insert(description, row);
      this.#isDiskFull = false;
      const token = formatToken(written.origin, written.seq);
      if (options.concern === 'log' && flow) {
        const isLogged = await flow.publisher
          .acknowledged(written, limits.acknowledgeMs)
          // Too many wait already. The row is stored all the same, and nobody may be told that it is not.
          .catch(() => false);
        if (!isLogged) throw notYetLogged(token, limits.acknowledgeMs);
      }
      return { token };
    } catch (error) {
      if (isReplicationError(error, 'disk-full')) this.#isDiskFull = true;
      throw error;
    }
  }

  /** Resolves when reads see everything the token names; see `Consistency.covers`. */
  covers(token: Token): Promise<void> {
    return this.#parts.consistency.covers(token);
  }

  /** Whether this replica may take traffic, and why not. */
  readiness(): { ready: boolean; reasons: string[] } {
    if (this.#stopping) return { ready: false, reasons: ['stopping'] };
    const link = this.#parts.flow?.link;
    if (!link || link.state === 'live' || link.state === 'relinking') return { ready: true, reasons: [] };
    return { ready: false, reasons: [link.stopReason?.message ?? `state is ${link.state}`] };
  }

  /** @throws `not-ready` or `stopped` when this replica has nothing that it should answer with. */
  assertReadable(): void {
    const link = this.#parts.flow?.link;
    if (link?.state === 'stopped') throw stopped(link.stopReason);
    if (link?.state === 'starting' && this.#isEmptyAtStart)
      throw notReady('it is new and has not reached the log yet');
  }

  /** Everything that operators and other replicas ask about. */
  async status(): Promise<ReplicaStatus> {
    const { origins, writer, flow, database, own } = this.#parts;
    return describeStatus({
      own: own.name,
      origins,
      writer,
      reader: database.reader,
      isCurrent: this.#isCurrent,
      isWritable: this.#isWritable(),
      clock: this.#options.world.clock,
      flow,
    });
  }

  /** What this replica's next beat says. */
  announcement(): Omit<Announcement, 'beat' | 'cluster'> {
    const { origins, flow, own } = this.#parts;
    const { clock } = this.#options.world;
    const ended = origins.vector((name) => !this.#isCurrent(name));
    const others = origins.vector((name) => name !== own.name && this.#isCurrent(name));
    const lag = flow?.lag.lag((partition) => flow.applier.position(partition).next, clock.monotonic());
    return {
      origin: own.name,
      url: this.#options.url(),
      state: this.#stopping ? 'leaving' : (flow?.link.state ?? 'live'),
      schemaVersion: this.#options.description.version,
      rows: origins.rows(),
      published: origins.get(own.name)?.published ?? 0,
      unpublished: flow?.publisher.unpublished() ?? 0,
      isWritable: this.#isWritable(),
      others: Object.fromEntries(Object.entries(others).map(([name, { seq }]) => [name, seq])),
      digest: this.digest(),
      ended: { origins: Object.keys(ended).length, digest: digestOf(ended) },
      lag: { records: lag?.records ?? null, ms: lag?.ms ?? null },
    };
  }

  /** An operator says that the log is to be used although nothing in it is ours; goes on from state `stopped`. */
  acceptLog(): void {
    const { flow } = this.#parts;
    flow?.link.acceptLog();
    flow?.linking.wake();
  }

  /** The whole vector. */
  vector(): Vector {
    return this.#parts.origins.vector();
  }

  /** One hash over the whole vector: equal digests, equal replicas. */
  digest(): string {
    return digestOf(this.vector());
  }

  /** Recomputes all chains from the rows. */
  deepCheck(): Promise<DeepCheck> {
    const { origins, history, chain, database } = this.#parts;
    return deepCheck({ origins, history, chain, reader: database.reader });
  }

  /**
   * A copy of this replica for a new one or for a backup. One at a time.
   * @throws `overloaded` while another one is being taken or sent, `not-ready` while there is nothing to copy from.
   */
  async snapshot(): Promise<TakenSnapshot> {
    const { own, history } = this.#parts;
    this.assertReadable();
    if (this.#isCopying) {
      throw new ReplicationError({
        code: 'overloaded',
        message: 'A snapshot of this replica is being taken already.',
        hint: 'Ask another replica, or this one again later.',
        isRetryable: true,
      });
    }
    this.#isCopying = true;
    try {
      const { cluster, file, description, world } = this.#options;
      const { version: schemaVersion } = description;
      const taken = await takeSnapshot({
        databaseFile: file,
        cluster,
        schemaVersion,
        own: own.name,
        tables: history.tables,
        now: world.clock.now(),
      });
      const remove = async (): Promise<void> => {
        await taken.remove();
        this.#isCopying = false;
      };
      return { ...taken, remove };
    } catch (error) {
      this.#isCopying = false;
      throw error;
    }
  }

  /** Events of one origin after `after`; empty where there are none. This run's own only up to `published`. */
  async changes(name: string, range: { after: number; limit: number }): Promise<StoredEvent[]> {
    const { origins, history, database, own, flow } = this.#parts;
    const origin = origins.get(name);
    if (!origin) return [];
    // What is not yet in the log may still be lost with this disk: nobody else may build on it.
    const upTo = flow && name === own.name ? origin.published : origin.seq;
    return history.read(database.reader, origin, { ...range, upTo });
  }

  /**
   * Stops: publishes what it can within its limit, leaves the log, closes the database. Idempotent. A broker that
   * hangs is not waited for longer than a few seconds.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const { arrivals, commits, database, flow, lock, writer } = this.#parts;
    arrivals.giveUp();
    if (flow) {
      await this.#drain(flow.publisher);
      await this.#within(
        LEAVE_MS,
        Promise.all([flow.announcer.stop(), flow.repairing.stop(), flow.linking.stop(), flow.link.stop()]),
      );
      flow.publisher.stop();
      await this.#within(LEAVE_MS, flow.publishing.stop());
    }
    writer.close(stopped());
    await commits.stop();
    await database.close();
    await lock.release();
  }

  /** Waits for `ending`, but not longer than `limitMs`. */
  async #within(limitMs: number, ending: Promise<unknown>): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#options.world.clock.after(limitMs, resolve);
    });
    await Promise.race([ending, late]);
    cancel();
  }

  async #drain(publisher: Publisher): Promise<void> {
    const { clock } = this.#options.world;
    const deadline = clock.monotonic() + this.#parts.limits.drainMs;
    while (publisher.isLogReachable && publisher.unacknowledged() > 0 && clock.monotonic() < deadline) {
      await new Promise<void>((resolve) => clock.after(10, resolve));
    }
  }

  #refuseWrite(concern: WriteConcern): void {
    if (this.#stopping) throw stopped();
    const { flow, limits } = this.#parts;
    if (!flow) return;
    this.assertReadable();
    if (flow.link.state === 'bootstrapping')
      throw notReady('it is new and still reading what the others wrote');
    if (flow.publisher.unacknowledged() >= limits.maxUnpublished) {
      throw new ReplicationError({
        code: 'too-many-unpublished',
        message: `${limits.maxUnpublished} rows wait for the log already; no more are accepted.`,
        hint: 'Bring the broker back; what was accepted is kept and published then.',
        isRetryable: true,
      });
    }
    if (concern === 'log' && !flow.publisher.isLogReachable) {
      throw new ReplicationError({
        code: 'log-unreachable',
        message: 'The log does not answer, so a write cannot be confirmed by it. Nothing was stored.',
        hint: 'Try again later, or write with Write-Concern: local.',
        isRetryable: true,
      });
    }
  }

  #isWritable(): boolean {
    if (this.#isDiskFull) return false;
    try {
      this.#refuseWrite('local');
      return true;
    } catch {
      return false;
    }
  }
}

function notReady(why: string): ReplicationError {
  return new ReplicationError({
    code: 'not-ready',
    message: `This replica cannot serve yet: ${why}.`,
    hint: 'Ask another replica, or try again.',
    isRetryable: true,
  });
}

function stopped(cause?: ReplicationError): ReplicationError {
  return new ReplicationError({
    code: 'stopped',
    message: cause ? `Replication is stopped: ${cause.message}` : 'This replica is stopping.',
    hint: cause?.hint ?? 'Ask another replica.',
    cause,
  });
}

function notYetLogged(token: string, waitedMs: number): ReplicationError {
  return new ReplicationError({
    code: 'not-yet-logged',
    message: `The row is stored on this replica, but the log has not acknowledged it within ${waitedMs} ms.`,
    hint: 'It is published as soon as the log answers. Do not send it again.',
    token,
  });
}
