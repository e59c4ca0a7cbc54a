/**
 * SQLite: the only file that knows knex and the driver.
 *
 * knex picks the driver and opens the connections; statements go to the driver's connection directly, prepared
 * once for each text. One connection writes (`BEGIN IMMEDIATE` needs one owner, and knex would begin deferred),
 * a few read. WAL lets readers go on while the writer commits; `synchronous=FULL` makes a commit survive power
 * loss. Driver errors become this library's errors here.
 */
import { pathToFileURL } from 'node:url';
import knex, { type Knex } from 'knex';
import { ReplicationError } from './errors.ts';

/** What may be bound to a statement. */
export type SqlValue = string | number | Buffer | null;

/** One row of an answer. */
export type SqlRow = Record<string, SqlValue>;

/** Statements against one database; every text is prepared once and kept, so texts must be few and fixed. */
export interface Connection {
  /** Runs a statement that changes rows and says how many. */
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
  /** Runs a query and gives all rows. */
  all<T extends object = SqlRow>(sql: string, values?: readonly SqlValue[]): Promise<T[]>;
  /** Runs a script without values; nothing of it is kept prepared. */
  execute(script: string): Promise<void>;
}

/** A database file opened for one writer and several readers. */
export interface Database {
  /** The only connection that may change anything. */
  readonly writer: Connection;
  /** Read-only connections, taken in turn. */
  readonly reader: Pick<Connection, 'all'>;
  /** Closes all connections; the last one checkpoints the WAL. */
  close(): Promise<void>;
}

/** How to open a database. */
export interface DatabaseOptions {
  readonly file: string;
  /** Read connections. Default 2. */
  readonly readers?: number;
  /** How long a statement waits for another process's lock, in milliseconds. Default 2000. */
  readonly busyTimeoutMs?: number;
}

/** The slice of the driver's connection that is used. */
interface DriverStatement {
  run(values: readonly SqlValue[], done: (this: { changes: number }, error: Error | null) => void): void;
  all(values: readonly SqlValue[], done: (error: Error | null, rows: object[]) => void): void;
  finalize(done: () => void): void;
}
interface DriverConnection {
  prepare(sql: string, done: (this: DriverStatement, error: Error | null) => void): DriverStatement;
  exec(script: string, done: (error: Error | null) => void): void;
}

/**
 * Opens `file`, creating it where it is missing.
 * @throws `database-damaged` where the file is no database, `database-failed` where it cannot be opened.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const busyTimeoutMs = options.busyTimeoutMs ?? 2000;
  const opened: OpenConnection[] = [];
  const open = async (script: string): Promise<OpenConnection> => {
    const connection = await OpenConnection.open(
      options.file,
      `PRAGMA busy_timeout = ${busyTimeoutMs};${script}`,
    );
    opened.push(connection);
    return connection;
  };
  const close = async (): Promise<void> => {
    // The writer goes last: it is the one that may checkpoint.
    for (const connection of opened.reverse()) await connection.close();
  };
  try {
    const writer = await open(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;',
    );
    const readers: OpenConnection[] = [];
    for (let i = 0; i < (options.readers ?? 2); i += 1) readers.push(await open('PRAGMA query_only = ON;'));
    let turn = 0;
    const reader: Database['reader'] = {
      all: (sql, values) => {
        turn = (turn + 1) % readers.length;
        return (readers[turn] ?? writer).all(sql, values);
      },
    };
    return { writer, reader, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Opens a single connection to `file` for a purpose of its own, such as the lock. */
export async function openConnection(file: string): Promise<Connection & { close(): Promise<void> }> {
  return OpenConnection.open(file, 'PRAGMA busy_timeout = 0;');
}

/**
 * Opens `file` for looking only: nothing is created, and neither the file nor its WAL is changed, not even by closing.
 * @throws `database-damaged`, `database-failed`.
 */
export async function openForReading(
  file: string,
): Promise<Pick<Connection, 'all'> & { close(): Promise<void> }> {
  // knex adds its flags to those for writing; only a URI can take that back.
  const uri = `${pathToFileURL(file).href}?mode=ro`;
  return OpenConnection.open(uri, 'PRAGMA busy_timeout = 0;', ['OPEN_URI']);
}

class OpenConnection implements Connection {
  readonly #knex: Knex;
  readonly #driver: DriverConnection;
  readonly #statements = new Map<string, Promise<DriverStatement>>();

  private constructor(pool: Knex, driver: DriverConnection) {
    this.#knex = pool;
    this.#driver = driver;
  }

  static async open(file: string, script: string, flags?: readonly string[]): Promise<OpenConnection> {
    const pool = knex({
      client: 'sqlite3',
      connection: { filename: file, ...(flags ? { flags: [...flags] } : {}) },
      useNullAsDefault: true,
      pool: { min: 1, max: 1 },
      // What goes wrong is thrown; knex would print it as well.
      log: { warn() {}, error() {}, deprecate() {}, debug() {} },
    });
    let driver: DriverConnection | undefined;
    try {
      driver = (await pool.client.acquireConnection()) as DriverConnection;
      const connection = new OpenConnection(pool, driver);
      await connection.execute(script);
      return connection;
    } catch (error) {
      // The pool waits for what was taken from it, for ever.
      if (driver) await pool.client.releaseConnection(driver);
      await pool.destroy();
      throw translate(error);
    }
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
      this.#driver.exec(script, (error) => (error ? reject(translate(error)) : resolve()));
    });
  }

  async close(): Promise<void> {
    for (const preparing of this.#statements.values()) {
      const statement = await preparing.catch(() => undefined);
      if (statement) await new Promise<void>((resolve) => statement.finalize(resolve));
    }
    this.#statements.clear();
    await this.#knex.client.releaseConnection(this.#driver);
    await this.#knex.destroy();
  }

  #prepared(sql: string): Promise<DriverStatement> {
    let preparing = this.#statements.get(sql);
    if (!preparing) {
      preparing = new Promise((resolve, reject) => {
        const statement = this.#driver.prepare(sql, (error) => {
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

/** What each of SQLite's result codes means to this library; the first text that fits counts. */
const MEANINGS: readonly (readonly [string, ReplicationError['code'], string, boolean])[] = [
  ['UNIQUE constraint failed', 'key-taken', 'Another row has this key.', false],
  ['SQLITE_FULL', 'disk-full', 'Make room on the disk; writing goes on by itself.', true],
  ['SQLITE_BUSY', 'database-busy', 'Another process holds the database; end it or wait.', true],
  ['SQLITE_LOCKED', 'database-busy', 'Another process holds the database; end it or wait.', true],
  ['SQLITE_CORRUPT', 'database-damaged', 'Keep the file aside and rebuild the replica.', false],
  ['SQLITE_NOTADB', 'database-damaged', 'Keep the file aside and rebuild the replica.', false],
];

function translate(error: unknown): ReplicationError {
  if (error instanceof ReplicationError) return error;
  const found = error as { code?: unknown; message?: unknown } | null;
  const text = `${String(found?.code ?? '')} ${String(found?.message ?? error)}`;
  const [, code, hint, isRetryable] = MEANINGS.find(([name]) => text.includes(name)) ?? [
    '',
    'database-failed' as const,
    'See the cause; the disk or the file is at fault.',
    false,
  ];
  return new ReplicationError({ code, message: `SQLite: ${text.trim()}`, hint, isRetryable, cause: error });
}
