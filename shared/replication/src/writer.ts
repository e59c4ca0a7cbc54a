/**
 * The writer: everything that changes the database goes through it, in group commits.
 *
 *   queue -> take everything queued -> BEGIN IMMEDIATE -> local rows get seq and link -> units write -> COMMIT
 *         -> memory follows -> callers are answered
 *
 * Local inserts and applied units share a commit; under load the batches grow by themselves. In-memory state
 * changes only after the commit. A batch that fails is rolled back and its members are tried one by one, so one
 * bad member hurts only itself. A COMMIT whose outcome is unknown is final: the process must end and look again.
 */
import type { Chain } from './chain.ts';
import { isReplicationError, ReplicationError } from './errors.ts';
import type { History } from './history.ts';
import { type Origin, type Origins, saveOrigins } from './origins.ts';
import type { PlacedRow } from './row-insert.ts';
import type { Connection } from './sqlite.ts';
import type { Observe } from './surroundings.ts';
import type { Row, Table } from './table.ts';

/** Something else than a local insert that writes: an applied piece of the log, a pinned partition. */
export interface WriteUnit<T> {
  /**
   * Writes inside the transaction; may run again after a rollback. What it returns runs after the commit: it
   * moves memory along and gives the caller's answer.
   */
  write(connection: Connection): Promise<() => T>;
}

/** Where a local insert ended up. */
export interface Written {
  readonly origin: string;
  readonly seq: number;
}

/** A local row at its place, with the link of the row before it. */
export interface WrittenRow extends PlacedRow {
  readonly previous: Buffer;
  /** Of the request that it came with. */
  readonly traceParent?: string;
}

interface LocalRow {
  readonly table: Table;
  readonly row: Row;
  readonly schemaVersion: number;
  readonly bytes: Buffer;
  readonly traceParent?: string;
}

/** What may be said of a local row besides the row. */
export interface InsertOptions {
  /** A version that it must not be written below, because it was written in it before. Default 1. */
  readonly atLeast?: number | undefined;
  /** See trace-parent.ts. */
  readonly traceParent?: string | undefined;
}

interface Member {
  /** Present for local inserts, which are stored together. */
  readonly local?: LocalRow;
  readonly unit?: WriteUnit<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** How the writer is put together. */
export interface WriterOptions {
  readonly connection: Connection;
  readonly history: History;
  readonly origins: Origins;
  readonly own: Origin;
  readonly chain: Chain;
  /** Version that local rows are written in now; once it was used it does not go down in this run. */
  readonly schemaVersion: () => number;
  /** Members that may wait; one more is refused as `overloaded`. */
  readonly maxQueued: number;
  /** Canonical bytes of one row; a larger one is refused as `row-too-large`. */
  readonly maxRowBytes: number;
  readonly observe: Observe;
  /** Throws where another process may write beside this one; asked in every transaction. */
  readonly assertAlone: () => void;
  /** Called when there is something to commit. */
  readonly wake: () => void;
  /** Called after a commit that held local rows, with the version that they were written in, and the rows in order. */
  readonly committed: (own: Origin, schemaVersion: number, rows: readonly WrittenRow[]) => void;
}

/** The one writer of a database. */
export class Writer {
  readonly #options: WriterOptions;
  #own: Origin;
  #queue: Member[] = [];
  /** Version of the last local row that was committed. */
  #schemaVersion = 1;
  #failure: unknown;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#own = options.own;
  }

  /** True when `commitOnce` has something to do. */
  get hasWork(): boolean {
    return this.#queue.length > 0;
  }

  /** Members that wait. */
  get queued(): number {
    return this.#queue.length;
  }

  /**
   * Stores one local row; resolves after the commit that holds it.
   * @throws `invalid-row`, `version-pending`, `row-too-large`, `overloaded` before anything is queued; `key-taken`, `disk-full`,
   * `database-busy` when nothing was stored; `outcome-unknown` when only a restart can tell.
   */
  insert(table: Table, row: unknown, { atLeast = 1, traceParent }: InsertOptions = {}): Promise<Written> {
    const checked = table.check(row);
    const schemaVersion = Math.max(atLeast, this.#options.schemaVersion());
    const later = table.beyond(checked, schemaVersion);
    if (later) throw versionPending(`${table.name}.${later.column}`, { ...later, schemaVersion });
    const bytes = table.encode(checked, schemaVersion);
    if (bytes.length > this.#options.maxRowBytes) {
      throw new ReplicationError({
        code: 'row-too-large',
        message: `The row has ${bytes.length} bytes; ${this.#options.maxRowBytes} are allowed.`,
        hint: 'Send a smaller one.',
      });
    }
    const traced = traceParent === undefined ? {} : { traceParent };
    return this.#enqueue({ local: { table, row: checked, schemaVersion, bytes, ...traced } });
  }

  /** Runs a unit in one of the next commits and resolves with what it answers. */
  submit<T>(unit: WriteUnit<T>): Promise<T> {
    return this.#enqueue({ unit });
  }

  /** Commits everything that is queued now. @throws only what ends the process (`outcome-unknown`, damage). */
  async commitOnce(): Promise<void> {
    const batch = this.#queue;
    if (batch.length === 0) return;
    this.#queue = [];
    try {
      await this.#commit(batch);
    } catch (error) {
      if (isFinal(error)) return this.#fail(error, batch);
      if (batch.length === 1 || isReplicationError(error, 'database-busy')) {
        for (const member of batch) member.reject(error);
        return;
      }
      await this.#commitOneByOne(batch);
    }
  }

  /** Refuses everything that still waits. */
  close(error: ReplicationError): void {
    this.#failure ??= error;
    for (const member of this.#queue.splice(0)) member.reject(this.#failure);
  }

  #enqueue<T>(work: Pick<Member, 'local' | 'unit'>): Promise<T> {
    if (this.#failure) throw this.#failure;
    if (this.#queue.length >= this.#options.maxQueued) {
      throw new ReplicationError({
        code: 'overloaded',
        message: `${this.#queue.length} writes wait for the disk already.`,
        hint: 'Try again a little later.',
        isRetryable: true,
      });
    }
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ ...work, resolve: resolve as (value: unknown) => void, reject });
      this.#options.wake();
    });
  }

  async #commitOneByOne(batch: readonly Member[]): Promise<void> {
    for (const [index, member] of batch.entries()) {
      try {
        await this.#commit([member]);
      } catch (error) {
        if (isFinal(error)) return this.#fail(error, batch.slice(index));
        member.reject(error);
      }
    }
  }

  #fail(error: unknown, unanswered: readonly Member[]): never {
    this.#failure = error;
    for (const member of [...unanswered, ...this.#queue.splice(0)]) member.reject(error);
    throw error;
  }

  async #commit(batch: readonly Member[]): Promise<void> {
    const { connection, observe, origins, assertAlone } = this.#options;
    const { rows, own, schemaVersion } = this.#place(batch);
    const afterCommit: (() => void)[] = [];
    await connection.run('BEGIN IMMEDIATE');
    try {
      await observe('write:begun');
      if (rows.length > 0) {
        await this.#options.history.insert(connection, rows);
        await saveOrigins(connection, [own]);
        await observe('write:inserted');
      }
      for (const { unit, resolve } of batch) {
        if (!unit) continue;
        const answer = await unit.write(connection);
        afterCommit.push(() => resolve(answer()));
      }
      assertAlone();
      await observe('write:before-commit');
    } catch (error) {
      await rollBack(connection);
      throw error;
    }
    await commit(connection);
    this.#own = own;
    this.#schemaVersion = schemaVersion;
    if (rows.length > 0) origins.set(own);
    for (const run of afterCommit) run();
    const places = rows.values();
    for (const { local, resolve } of batch) {
      if (local) resolve({ origin: own.name, seq: places.next().value?.seq ?? own.seq } satisfies Written);
    }
    if (rows.length > 0) this.#options.committed(own, schemaVersion, rows);
    await observe('write:after-commit');
  }

  /** Gives the batch's local rows their places. Nothing is given out until the commit has happened. */
  #place(batch: readonly Member[]): { rows: WrittenRow[]; own: Origin; schemaVersion: number } {
    const { chain, origins } = this.#options;
    const rows: WrittenRow[] = [];
    const locals = batch.flatMap(({ local }) => local ?? []);
    const schemaVersion = Math.max(this.#schemaVersion, ...locals.map((local) => local.schemaVersion));
    // The applier moves `published` of our own entry; seq and chain are ours alone.
    const known = origins.get(this.#own.name) ?? this.#own;
    let { seq, chain: previous } = known;
    for (const local of locals) {
      const { table, row, traceParent } = local;
      const bytes = local.schemaVersion === schemaVersion ? local.bytes : table.encode(row, schemaVersion);
      seq += 1;
      const link = chain.link(previous, {
        origin: known.name,
        seq,
        schemaVersion,
        table: table.name,
        bytes,
      });
      rows.push({
        table,
        row,
        bytes,
        originId: known.id,
        originName: known.name,
        seq,
        schemaVersion,
        previous,
        chain: link,
        ...(traceParent === undefined ? {} : { traceParent }),
      });
      previous = link;
    }
    return { rows, own: { ...known, seq, chain: previous }, schemaVersion };
  }
}

function versionPending(
  column: string,
  { since, schemaVersion }: { since: number; schemaVersion: number },
): ReplicationError {
  return new ReplicationError({
    code: 'version-pending',
    message: `${column} came with schema version ${since}, and rows are still written in version ${schemaVersion}: a replica is not upgraded yet.`,
    hint: 'Send it without that, or again when all replicas are upgraded.',
    isRetryable: true,
  });
}

async function commit(connection: Connection): Promise<void> {
  try {
    await connection.run('COMMIT');
  } catch (error) {
    if (isReplicationError(error, 'disk-full', 'database-busy')) {
      await rollBack(connection);
      throw error;
    }
    throw new ReplicationError({
      code: 'outcome-unknown',
      message: 'The disk failed while committing: the rows may be stored or not.',
      hint: 'The process ends; after its restart the orders tell. Check the disk.',
      cause: error,
    });
  }
}

async function rollBack(connection: Connection): Promise<void> {
  try {
    await connection.run('ROLLBACK');
  } catch {
    // SQLite has already rolled back by itself after some errors; then there is no transaction left to end.
  }
}

const FINAL_CODES = ['outcome-unknown', 'database-damaged', 'database-failed', 'lock-lost', 'fork'] as const;

/** True for what ends the process. */
export function isFinal(error: unknown): boolean {
  return isReplicationError(error, ...FINAL_CODES) || !(error instanceof ReplicationError);
}
