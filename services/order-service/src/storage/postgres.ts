/**
 * PostgreSQL: the only file that knows its client. Opens the shared database, keeps asking whether it answers, and
 * turns its errors into ours.
 *
 * Reads are pipelined over a few connections; inserts have connections of their own, because on a shared one a read
 * would wait for the commit before it. Statements are prepared once a connection. `synchronous_commit` is asked for:
 * an answered insert is on the database's disk, whatever the server's default is.
 */
import { errorText, ReplicationError } from '@dbsync/replication';
import postgres from 'postgres';

/** What may be bound to a statement. */
type Parameter = string | number | readonly (string | null)[] | readonly number[];

/** An open database, which may be away. */
export interface Postgres {
  /** Why it cannot be used at the moment; undefined while it answers. */
  readonly absence: string | undefined;
  /** Runs a query. @throws `not-ready` when the database does not answer. */
  read<T extends object>(sql: string, values: readonly Parameter[]): Promise<T[]>;
  /**
   * Runs a statement that changes rows; resolves when it is committed.
   * @throws `not-ready`, `key-taken`, `disk-full`, `database-failed`: nothing is stored. `outcome-unknown`: nobody can tell.
   */
  write(sql: string, values: readonly Parameter[]): Promise<void>;
  /** Ends all connections, at the latest after a few seconds. */
  close(): Promise<void>;
}

/** How to reach a database. */
export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Shown by the server as the name of the client. */
  readonly name: string;
  /** Connections that read. Default 2. */
  readonly readers?: number | undefined;
  /** Makes what the service needs; run once a contact, must do nothing where everything is there. */
  readonly schema: string;
  readonly logger: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

/** Statements that may commit at the same time. */
export const WRITERS = 2;

const ANSWER_MS = 5000;
const LOOK_MS = 1000;
const CLOSE_S = 3;

/** Connects in the background; until the first contact everything is refused as `not-ready`. */
export function openPostgres(options: PostgresOptions): Postgres {
  return new OpenPostgres(options);
}

class OpenPostgres implements Postgres {
  readonly #options: PostgresOptions;
  readonly #readers: postgres.Sql;
  readonly #writers: postgres.Sql;
  #absence: string | undefined = 'the shared database was not reached yet';
  #lastFailure: string | undefined;
  #hasSchema = false;
  #isClosed = false;
  #look: NodeJS.Timeout | undefined;
  #looking: Promise<void>;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.#readers = connect(options, options.readers ?? 2);
    this.#writers = connect(options, WRITERS);
    this.#looking = this.#lookAgain();
  }

  get absence(): string | undefined {
    return this.#absence;
  }

  async read<T extends object>(sql: string, values: readonly Parameter[]): Promise<T[]> {
    this.#requireContact();
    try {
      return await inTime(run<T>(this.#readers, sql, values));
    } catch (error) {
      throw translate(error, { isWrite: false });
    }
  }

  async write(sql: string, values: readonly Parameter[]): Promise<void> {
    this.#requireContact();
    try {
      await inTime(run(this.#writers, sql, values));
    } catch (error) {
      throw translate(error, { isWrite: true });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#look);
    this.#absence = 'it is being left';
    const ends = [this.#readers, this.#writers].map((pool) => pool.end({ timeout: CLOSE_S }));
    await Promise.all([...ends, this.#looking]);
  }

  #requireContact(): void {
    if (this.#absence !== undefined) throw away(this.#absence);
  }

  /** Asks the database once, remembers whether it answered, and arranges for the next time, unless it is left. */
  async #lookAgain(): Promise<void> {
    const { logger, schema } = this.#options;
    try {
      if (!this.#hasSchema) await inTime(this.#writers.unsafe(schema));
      this.#hasSchema = true;
      await inTime(run(this.#readers, 'SELECT 1', []));
      if (this.#isClosed) return;
      if (this.#absence !== undefined) logger.info({}, 'the shared database answers');
      this.#absence = undefined;
      this.#lastFailure = undefined;
    } catch (error) {
      if (this.#isClosed) return;
      const why = errorText(error);
      if (this.#lastFailure !== why) logger.warn({ error: why }, 'the shared database does not answer');
      this.#lastFailure = why;
      this.#absence = 'the shared database does not answer';
    }
    this.#look = setTimeout(() => {
      this.#looking = this.#lookAgain();
    }, LOOK_MS);
  }
}

function connect({ url, name }: PostgresOptions, connections: number): postgres.Sql {
  return postgres(url, {
    max: connections,
    connect_timeout: 5,
    // One second at most between two attempts, so that a database that is back is noticed soon.
    backoff: (attempt: number) => Math.min(1, 0.1 * 2 ** attempt),
    onnotice: () => undefined,
    connection: { application_name: name, synchronous_commit: 'on', statement_timeout: ANSWER_MS },
  });
}

function run<T extends object>(pool: postgres.Sql, sql: string, values: readonly Parameter[]): Promise<T[]> {
  return pool.unsafe<T[]>(sql, values as (string | number)[], { prepare: true });
}

/** The client waits without end for a connection that hangs. */
function inTime<T>(answer: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
    answer.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

/** Failures that leave no doubt that nothing was stored, by SQLSTATE or by the client's own name for them. */
const MEANINGS: Readonly<Record<string, readonly [ReplicationError['code'], string]>> = {
  '23505': ['key-taken', 'Another row has this key.'],
  '53100': ['disk-full', "Make room on the database's disk; writing goes on by itself."],
  '53300': ['not-ready', 'The shared database takes no more connections; try again.'],
  '57P03': ['not-ready', 'The shared database is starting or stopping; try again.'],
  '57014': ['not-ready', 'The shared database was too slow; try again.'],
  ECONNREFUSED: ['not-ready', 'The shared database is away; try again.'],
  CONNECT_TIMEOUT: ['not-ready', 'The shared database is away; try again.'],
};

function translate(error: unknown, { isWrite }: { isWrite: boolean }): ReplicationError {
  if (error instanceof ReplicationError) return error;
  const sqlState = String((error as { code?: unknown } | null)?.code ?? '');
  const message = `PostgreSQL: ${sqlState} ${errorText(error)}`.trim();
  const meaning = MEANINGS[sqlState];
  if (meaning) {
    const [code, hint] = meaning;
    return new ReplicationError({ code, message, hint, isRetryable: code !== 'key-taken', cause: error });
  }
  // Any other answer of the server is about the statement, which it has undone; its classes 08 and 57 are about itself.
  if (/^(?!08|57)[0-9A-Z]{5}$/.test(sqlState)) {
    return new ReplicationError({ code: 'database-failed', message, hint: 'See the cause.', cause: error });
  }
  if (!isWrite) return away('the shared database did not answer', error);
  return new ReplicationError({
    code: 'outcome-unknown',
    message,
    hint: 'The order may be stored or not; read the list before placing it again.',
    cause: error,
  });
}

function away(why: string, cause?: unknown): ReplicationError {
  return new ReplicationError({
    code: 'not-ready',
    message: `This replica cannot serve yet: ${why}.`,
    hint: 'Bring the shared database back; everybody needs it.',
    isRetryable: true,
    cause,
  });
}
