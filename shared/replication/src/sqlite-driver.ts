/**
 * The SQLite driver: the only file that knows knex and the two drivers that it can bring.
 *
 * knex opens the connections; statements go to the driver's connection directly, prepared once for each text.
 * `sqlite3` works in the thread pool and calls back. `better-sqlite3` works at once, in the event loop, the wait for
 * the disk included. Errors of either become this library's errors here.
 */
import { pathToFileURL } from 'node:url';
import knex, { type Knex } from 'knex';
import { ReplicationError } from './errors.ts';

/** The drivers, by the name that knex gives them. */
export type SqliteClient = 'sqlite3' | 'better-sqlite3';

/** What may be bound to a statement. */
export type SqlValue = string | number | Buffer | null;

/** One row of an answer. */
export type SqlRow = Record<string, SqlValue>;

/** One connection; see `Connection` in sqlite.ts. */
export interface Driver {
  /** True where a statement costs no more than its work: no value becomes an object, nothing waits for another thread. */
  readonly isDirect: boolean;
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
  all<T extends object = SqlRow>(sql: string, values?: readonly SqlValue[]): Promise<T[]>;
  execute(script: string): Promise<void>;
  close(): Promise<void>;
}

let chosen: SqliteClient = 'sqlite3';
let open = 0;

/**
 * Chooses the driver of all connections of this process. Two SQLite libraries on one file in one process drop each
 * other's locks, so it is a matter of the process and not of a database.
 * @throws a plain Error while connections of another one are open, which is a programming error.
 */
export function chooseSqliteClient(client: SqliteClient): void {
  if (client !== chosen && open > 0) throw new Error(`connections of ${chosen} are open`);
  chosen = client;
}

/** Opens a connection and runs `script` on it. @throws `database-damaged`, `database-failed`. */
export async function openDriver(
  file: string,
  script: string,
  { isReadOnly = false }: { isReadOnly?: boolean } = {},
): Promise<Driver> {
  const client = chosen;
  const pool = knex({
    client,
    connection: isReadOnly ? lookingOnly(client, file) : { filename: file },
    useNullAsDefault: true,
    pool: { min: 1, max: 1 },
    // What goes wrong is thrown; knex would print it as well.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
  });
  let raw: unknown;
  try {
    raw = await pool.client.acquireConnection();
    open += 1;
    const leave = (): Promise<void> => release(pool, raw);
    const driver =
      client === 'sqlite3'
        ? new CallbackDriver(raw as CallbackConnection, leave)
        : new DirectDriver(raw as DirectConnection, leave);
    // One of the drivers would enforce foreign keys, the other one not: rows are stored before their origin is.
    await driver.execute(`PRAGMA foreign_keys = OFF;${script}`);
    return driver;
  } catch (error) {
    // The pool waits for what was taken from it, for ever.
    if (raw) await release(pool, raw);
    else await pool.destroy();
    throw translate(error);
  }
}

/** How each of them is told to change nothing. */
function lookingOnly(client: SqliteClient, file: string): Knex.Sqlite3ConnectionConfig {
  if (client === 'better-sqlite3')
    return { filename: file, options: { readonly: true } } as Knex.Sqlite3ConnectionConfig;
  // knex adds its flags to those for writing; only a URI can take that back.
  return {
    filename: `${pathToFileURL(file).href}?mode=ro`,
    flags: ['OPEN_URI'],
  } as Knex.Sqlite3ConnectionConfig;
}

async function release(pool: Knex, raw: unknown): Promise<void> {
  open -= 1;
  await pool.client.releaseConnection(raw);
  await pool.destroy();
}

/** The slice of `sqlite3` that is used. */
interface CallbackStatement {
  run(values: readonly SqlValue[], done: (this: { changes: number }, error: Error | null) => void): void;
  all(values: readonly SqlValue[], done: (error: Error | null, rows: object[]) => void): void;
  finalize(done: () => void): void;
}
interface CallbackConnection {
  prepare(sql: string, done: (this: CallbackStatement, error: Error | null) => void): CallbackStatement;
  exec(script: string, done: (error: Error | null) => void): void;
}

class CallbackDriver implements Driver {
  readonly isDirect = false;
  readonly #connection: CallbackConnection;
  readonly #leave: () => Promise<void>;
  readonly #statements = new Map<string, Promise<CallbackStatement>>();

  constructor(connection: CallbackConnection, leave: () => Promise<void>) {
    this.#connection = connection;
    this.#leave = leave;
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    const statement = await this.#prepared(sql);
    return new Promise((resolve, reject) => {
      statement.run(values, function done(error) {
        if (error) reject(translate(error));
        else resolve(this.changes);
      });
    });
  }

  async all<T extends object>(sql: string, values: readonly SqlValue[] = []): Promise<T[]> {
    const statement = await this.#prepared(sql);
    return new Promise((resolve, reject) => {
      statement.all(values, (error, rows) => {
        if (error) reject(translate(error));
        else resolve(rows as T[]);
      });
    });
  }

  execute(script: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#connection.exec(script, (error) => (error ? reject(translate(error)) : resolve()));
    });
  }

  async close(): Promise<void> {
    for (const preparing of this.#statements.values()) {
      const statement = await preparing.catch(() => undefined);
      if (statement) await new Promise<void>((resolve) => statement.finalize(resolve));
    }
    this.#statements.clear();
    await this.#leave();
  }

  #prepared(sql: string): Promise<CallbackStatement> {
    let preparing = this.#statements.get(sql);
    if (!preparing) {
      preparing = new Promise((resolve, reject) => {
        const statement = this.#connection.prepare(sql, (error) => {
          if (error) reject(translate(error));
          else resolve(statement);
        });
      });
      // A text that could not be prepared is tried afresh the next time.
      preparing.catch(() => this.#statements.delete(sql));
      this.#statements.set(sql, preparing);
    }
    return preparing;
  }
}

/** The slice of `better-sqlite3` that is used. */
interface DirectStatement {
  run(...values: readonly SqlValue[]): { changes: number };
  all(...values: readonly SqlValue[]): object[];
}
interface DirectConnection {
  prepare(sql: string): DirectStatement;
  exec(script: string): void;
}

class DirectDriver implements Driver {
  readonly isDirect = true;
  readonly #connection: DirectConnection;
  readonly #leave: () => Promise<void>;
  readonly #statements = new Map<string, DirectStatement>();

  constructor(connection: DirectConnection, leave: () => Promise<void>) {
    this.#connection = connection;
    this.#leave = leave;
  }

  run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return attempt(() => this.#prepared(sql).run(...values).changes);
  }

  all<T extends object>(sql: string, values: readonly SqlValue[] = []): Promise<T[]> {
    return attempt(() => this.#prepared(sql).all(...values) as T[]);
  }

  execute(script: string): Promise<void> {
    return attempt(() => void this.#connection.exec(script));
  }

  close(): Promise<void> {
    this.#statements.clear();
    return this.#leave();
  }

  #prepared(sql: string): DirectStatement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

async function attempt<T>(work: () => T): Promise<T> {
  try {
    return work();
  } catch (error) {
    throw translate(error);
  }
}

/** What each of SQLite's result codes means to this library; the first text that fits counts. */
const MEANINGS: readonly (readonly [string, ReplicationError['code'], string, boolean])[] = [
  ['UNIQUE constraint failed', 'key-taken', 'Another row has this key.', false],
  ['SQLITE_FULL', 'disk-full', 'Make room on the disk; writing goes on by itself.', true],
  ['SQLITE_BUSY', 'database-busy', 'Another process holds the database; end it or wait.', true],
  ['SQLITE_LOCKED', 'database-busy', 'Another process holds the database; end it or wait.', true],
  ['SQLITE_CORRUPT', 'database-damaged', 'Keep the file aside and rebuild the replica.', false],
  [
    'SQLITE_IOERR',
    'database-failed',
    'The disk fails, or SQLite has no folder for temporary files: then set SQLITE_TMPDIR to one.',
    false,
  ],
  ['SQLITE_NOTADB', 'database-damaged', 'Keep the file aside and rebuild the replica.', false],
];

/**
 * The one damage that SQLite reports under the code of a wrong statement: a file format in the header that does not
 * exist. Held against the whole message, as parts of a statement that is really wrong are quoted in others.
 */
const UNKNOWN_FORMAT = /^(SQLITE_ERROR: )?unsupported file format$/;

function translate(error: unknown): ReplicationError {
  if (error instanceof ReplicationError) return error;
  const found = error as { code?: unknown; message?: unknown } | null;
  const message = String(found?.message ?? error);
  const text = `${UNKNOWN_FORMAT.test(message) ? 'SQLITE_CORRUPT' : String(found?.code ?? '')} ${message}`;
  const [, code, hint, isRetryable] = MEANINGS.find(([name]) => text.includes(name)) ?? [
    '',
    'database-failed' as const,
    'See the cause; the disk or the file is at fault.',
    false,
  ];
  return new ReplicationError({ code, message: `SQLite: ${text.trim()}`, hint, isRetryable, cause: error });
}
