/**
 * The replica: what a service holds in its hands. It starts and stops the parts and answers for them.
 *
 *   insert -> writer -> own SQLite -> publisher -> log -> applier -> own SQLite of the others
 *
 * Reads go to `reads` and see what this replica has committed. Without a log (isolated) it is a plain database
 * with the same tables.
 */
import type { WriteConcern } from './admission.ts';
import type { Announcement } from './announcement.ts';
import { describeBeat } from './beat.ts';
import { type DeepCheck, deepCheck } from './deep-check.ts';
import { depart } from './departure.ts';
import { isReplicationError, ReplicationError } from './errors.ts';
import type { StoredEvent } from './history.ts';
import type { Limits } from './limits.ts';
import { type Logged, NOTHING_LOGGED } from './logged.ts';
import { digestOf, type Vector } from './origins.ts';
import type { ShownRow } from './read-token.ts';
import type { RemovedReplicas } from './removed-replicas.ts';
import type { ReplicaOptions } from './replica-options.ts';
import type { ReplicaParts } from './replica-parts.ts';
import type { TakenSnapshot } from './snapshot.ts';
import type { Database } from './sqlite.ts';
import { describeStatus, type ReplicaStatus } from './status.ts';
import { formatToken, type Token } from './token.ts';
import { traceParentOf } from './trace-parent.ts';
import { Upkeep } from './upkeep.ts';
import { saveAcceptedVersion } from './write-version.ts';
import type { Written } from './writer.ts';

/** One replica of a database. */
export class Replica {
  readonly #options: ReplicaOptions;
  readonly #parts: ReplicaParts;
  #stopping: Promise<void> | undefined;

  /** Use `openReplica`. */
  constructor(options: ReplicaOptions, parts: ReplicaParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** The origin of this run. */
  get origin(): string {
    return this.#parts.own.name;
  }

  /** Every bound of this replica, defaults included. */
  get limits(): Limits {
    return this.#parts.limits;
  }

  /** Read-only access to the tables, for the service's own queries. */
  get reads(): Database['reader'] {
    return this.#parts.database.reader;
  }

  /** Names of the service's own columns of a table; none where this build has no such table. */
  columns(table: string): string[] {
    return this.#parts.history.table(table)?.columns.map(({ name }) => name) ?? [];
  }

  /** What an operator looks at and mends. */
  get upkeep(): Upkeep {
    const { database, history, origins, writer } = this.#parts;
    return new Upkeep({ reader: database.reader, history, origins, writer });
  }

  /** Begins to publish, to follow the log and to announce. */
  start(): void {
    const { admission, commits, flow, recovering, scrubbing } = this.#parts;
    commits.start();
    recovering.start();
    if (admission.state === 'stopped') {
      // Held before it began: nothing of a damaged database gets out, but the others are told.
      flow?.announcer.start();
      return;
    }
    scrubbing.start();
    flow?.publishing.start();
    flow?.linking.start();
    flow?.repairing.start();
    flow?.announcer.start();
  }

  /**
   * Stores one row and answers with its consistency token. `traceParent` is what the client sent as such, if anything;
   * where it has the form of the standard it goes along into the log.
   * @throws `invalid-row`, `row-too-large`, `key-taken`: nothing stored, do not retry as it is.
   * @throws `version-pending`, `not-ready`, `stopped`, `too-many-unpublished`, `log-unreachable`, `overloaded`, `disk-full`,
   * `database-busy`: nothing stored, retry later.
   * @throws `not-yet-logged` (with `token`): stored here, the log has not acknowledged it in time.
   * @throws `outcome-unknown`: stored or not, the restart tells.
   */
  async insert(
    table: string,
    row: unknown,
    options: { concern: WriteConcern; traceParent?: string | undefined },
  ): Promise<{ token: string }> {
    const { admission, writer, history } = this.#parts;
    admission.assertWritable(options.concern);
    const description = history.table(table);
    if (!description) throw new Error(`no table '${table}' is described`);
    try {
      const traceParent = traceParentOf(options.traceParent);
      const written = await writer.insert(description, row, { traceParent });
      admission.diskWas({ isFull: false });
      await this.confirm(written, options);
      return { token: formatToken(written.origin, written.seq) };
    } catch (error) {
      if (isReplicationError(error, 'disk-full')) admission.diskWas({ isFull: true });
      throw error;
    }
  }

  /**
   * Resolves when a row that this replica holds, whoever wrote it, is as sure as asked.
   * @throws `not-yet-logged` (with `token`): the log is not known to have it, and did not acknowledge it in time.
   */
  async confirm(place: Written, { concern }: { concern: WriteConcern }): Promise<void> {
    const { flow, limits } = this.#parts;
    if (concern !== 'log' || !flow) return;
    const isLogged = await flow.publisher
      .acknowledged(place, limits.acknowledgeMs)
      // Too many wait already. The row is stored all the same, and nobody may be told that it is not.
      .catch(() => false);
    if (!isLogged) throw notYetLogged(formatToken(place.origin, place.seq), limits.acknowledgeMs);
  }

  /** Resolves when reads see everything the token names; see `Consistency.covers`. */
  covers(token: Token): Promise<void> {
    return this.#parts.consistency.covers(token);
  }

  /** The token of an answer that shows `rows`; call it after the read. See `ReadTokens.after`. */
  readToken(rows: readonly ShownRow[], given: Token): Promise<Token> {
    return this.#parts.readTokens.after(rows, given);
  }

  /** Whether this replica may take traffic, and why not. */
  readiness(): { ready: boolean; reasons: string[] } {
    return this.#parts.admission.readiness();
  }

  /** @throws `not-ready` or `stopped` when this replica has nothing that it should answer with. */
  assertReadable(): void {
    this.#parts.admission.assertReadable();
  }

  /** Everything that operators and other replicas ask about. */
  async status(): Promise<ReplicaStatus> {
    const { admission, origins, writer, registry, flow, database, own, versions, isCurrent } = this.#parts;
    const { recovery, scrub } = this.#parts;
    return describeStatus({
      own: own.name,
      origins,
      writer,
      reader: database.reader,
      registry,
      isCurrent,
      admission,
      clock: this.#options.world.clock,
      knownVersion: this.#options.description.version,
      versions,
      flow,
      damage: recovery.status(),
      scrub: scrub.status,
    });
  }

  /** What this replica's next beat says. */
  announcement(): Omit<Announcement, 'beat' | 'cluster'> {
    const { url, description, world } = this.#options;
    const { own, origins, admission, isCurrent, flow } = this.#parts;
    return describeBeat({
      own: own.name,
      url: url(),
      schemaVersion: description.version,
      clock: world.clock,
      origins,
      admission,
      isCurrent,
      flow,
      damage: this.#parts.recovery.phase,
    });
  }

  /** An operator says that the log is to be used although nothing in it is ours; goes on from state `stopped`. */
  acceptLog(): void {
    const { flow, recovery } = this.#parts;
    if (recovery.phase === 'waiting') return;
    flow?.link.acceptLog();
    flow?.linking.wake();
  }

  /** Ids of replicas that will not come back, by an operator's word. */
  get removed(): RemovedReplicas {
    return this.#parts.removed;
  }

  /** True while a replica of this id announces itself. */
  isAlive(replicaId: string): boolean {
    return this.#parts.registry.live().some((replica) => replica.replicaId === replicaId);
  }

  /**
   * An operator says that rows may be written in the newest version that this build knows, whoever is older. It is
   * remembered in the database. Says which version that is.
   */
  async acceptSchema(): Promise<{ schemaVersion: number }> {
    const { writer, versions } = this.#parts;
    const { version: schemaVersion } = this.#options.description;
    await writer.submit({
      write: async (connection) => {
        await saveAcceptedVersion(connection, schemaVersion);
        return () => versions.stored(schemaVersion);
      },
    });
    return { schemaVersion };
  }

  /** The whole vector. */
  vector(): Vector {
    return this.#parts.origins.vector();
  }

  /** What this replica has seen in the log, for a peer that cannot see it any more; nothing while it is not sure. */
  logged(): Logged {
    const { flow } = this.#parts;
    return flow?.link.state === 'live' ? flow.applier.logged() : NOTHING_LOGGED;
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

  /** A copy of this replica for a new one or for a backup; see `SnapshotDonor.take`. */
  snapshot(): Promise<TakenSnapshot> {
    return this.#parts.donor.take();
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

  /** Stops: publishes what it can within its limit, leaves the log, closes the database. Idempotent. */
  stop(): Promise<void> {
    this.#parts.admission.close();
    this.#stopping ??= depart(this.#parts, this.#options.world.clock);
    return this.#stopping;
  }
}

function notYetLogged(token: string, waitedMs: number): ReplicationError {
  return new ReplicationError({
    code: 'not-yet-logged',
    message: `The row is stored on this replica, but the log has not acknowledged it within ${waitedMs} ms.`,
    hint: 'It is published as soon as the log answers. Do not send it again.',
    token,
  });
}
