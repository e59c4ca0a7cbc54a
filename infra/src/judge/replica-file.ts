/**
 * A replica's SQLite file as it is on disk, read by another process: its rows and what it says of its origins.
 *
 * Everything is read in one transaction, so it is one moment of the replica, also while that runs.
 */
import { DatabaseSync } from 'node:sqlite';

/** One row of the orders table. */
export interface StoredRow {
  readonly origin: string;
  readonly seq: number;
  readonly schemaVersion: number;
  readonly chain: Buffer;
  readonly isSuperseded: boolean;
  /** The service's own columns. */
  readonly columns: Readonly<Record<string, string | number | null>>;
}

/** What the file says of one origin. */
export interface StoredOrigin {
  readonly name: string;
  readonly seq: number;
  readonly chain: Buffer;
  readonly isMinted: boolean;
  readonly published: number;
}

/** The contents of a file at one moment. */
export interface ReplicaContents {
  readonly origins: readonly StoredOrigin[];
  /** By origin and seq. */
  readonly rows: Iterable<StoredRow>;
  /** Rows that fit but are not shown. */
  readonly hidden: number;
}

const ofTheLibrary = new Set(['origin', 'seq', 'schema_version', 'chain', 'superseded']);

/** Hands the contents of `file` to `read`; they end with it. */
export async function readReplicaFile<T>(
  file: string,
  read: (contents: ReplicaContents) => T | Promise<T>,
): Promise<T> {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  try {
    database.exec('BEGIN');
    const origins = originsOf(database);
    const [hidden] = database.prepare('SELECT count(*) AS n FROM replication_hidden').all();
    return await read({ origins, rows: rowsOf(database, origins), hidden: Number(hidden?.n) });
  } finally {
    database.close();
  }
}

/** What the file says of its origins, without its rows. */
export function originsIn(file: string): readonly StoredOrigin[] {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  try {
    return originsOf(database);
  } finally {
    database.close();
  }
}

type NumberedOrigin = StoredOrigin & { readonly id: number };

function originsOf(database: DatabaseSync): NumberedOrigin[] {
  const found = database
    .prepare('SELECT id, name, seq, chain, minted, published FROM replication_origin')
    .all();
  return found.map((row) => ({
    id: Number(row.id),
    name: String(row.name),
    seq: Number(row.seq),
    chain: Buffer.from(row.chain as Uint8Array),
    isMinted: row.minted === 1,
    published: Number(row.published),
  }));
}

function* rowsOf(database: DatabaseSync, origins: readonly NumberedOrigin[]): Iterable<StoredRow> {
  const names = new Map(origins.map(({ id, name }) => [id, name]));
  for (const row of database.prepare('SELECT * FROM orders ORDER BY origin, seq').iterate()) {
    yield {
      origin: names.get(Number(row.origin)) ?? `unknown origin ${String(row.origin)}`,
      seq: Number(row.seq),
      schemaVersion: Number(row.schema_version),
      chain: Buffer.from(row.chain as Uint8Array),
      isSuperseded: row.superseded === 1,
      columns: Object.fromEntries(
        Object.entries(row).filter(([name]) => !ofTheLibrary.has(name)),
      ) as StoredRow['columns'],
    };
  }
}
