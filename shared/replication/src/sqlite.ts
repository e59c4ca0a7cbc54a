/**
 * A database file: one connection that writes (`BEGIN IMMEDIATE` needs one owner), a few that read.
 *
 * WAL lets readers go on while the writer commits; `synchronous=FULL` makes a commit survive power loss. Which driver
 * is behind the connections is the business of `sqlite-driver.ts`.
 */
import { openDriver, type SqlRow, type SqlValue } from './sqlite-driver.ts';

export type { SqlRow, SqlValue };

/** Statements against one database; every text is prepared once and kept, so texts must be few and fixed. */
export interface Connection {
  /** True where many small statements cost no more than a large one. */
  readonly isDirect?: boolean;
  /** Runs a statement that changes rows and says how many. */
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
  /** Runs a query and gives all rows. */
  all<T extends object = SqlRow>(sql: string, values?: readonly SqlValue[]): Promise<T[]>;
  /** Runs a script without values; nothing of it is kept prepared. */
  execute(script: string): Promise<void>;
}

/** A connection with an end of its own. */
type ClosableConnection = Connection & { close(): Promise<void> };

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

/**
 * Opens `file`, creating it where it is missing.
 * @throws `database-damaged` where the file is no database, `database-failed` where it cannot be opened.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const busyTimeoutMs = options.busyTimeoutMs ?? 2000;
  const opened: ClosableConnection[] = [];
  const open = async (script: string): Promise<ClosableConnection> => {
    const connection = await openDriver(options.file, `PRAGMA busy_timeout = ${busyTimeoutMs};${script}`);
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
    const readers: Connection[] = [];
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
export function openConnection(file: string): Promise<ClosableConnection> {
  return openDriver(file, 'PRAGMA busy_timeout = 0;');
}

/**
 * Opens `file` for looking only: nothing is created, and neither the file nor its WAL is changed, not even by closing.
 * @throws `database-damaged`, `database-failed`.
 */
export function openForReading(file: string): Promise<Pick<ClosableConnection, 'all' | 'close'>> {
  return openDriver(file, 'PRAGMA busy_timeout = 0;', { isReadOnly: true });
}
