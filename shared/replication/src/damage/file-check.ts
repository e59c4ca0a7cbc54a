/**
 * The check of a database before it is opened for use: does SQLite find it whole, and do its rows hash to their links?
 *
 * It looks through a read-only connection, so that whatever it finds, the file and its log stay what they were.
 * Bounded in time: what it does not get to is the scrub's.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { Chain } from '../chain.ts';
import { deepCheck } from '../deep-check.ts';
import { hasNewerRows } from '../directory.ts';
import { isReplicationError } from '../errors.ts';
import { History } from '../history.ts';
import { Origins } from '../origins.ts';
import { openForReading } from '../sqlite.ts';
import type { Clock } from '../surroundings.ts';
import type { Table } from '../table.ts';
import { findBrokenPages, isCut } from './integrity.ts';
import { findSchemaDamage } from './schema-check.ts';

/** What is wrong with a database. */
export interface Finding {
  readonly what: string;
  /** True on SQLite's word; false where it is a chain's, which a peer has to contradict first. */
  readonly isCertain: boolean;
  /** The row in question, where it is one. */
  readonly place?: { readonly origin: string; readonly seq: number };
}

/** How to check. */
export interface FileCheckOptions {
  readonly file: string;
  readonly tables: readonly Table[];
  /** Newest schema version that this build knows. */
  readonly schemaVersion: number;
  readonly chain: Chain;
  readonly clock: Clock;
  /** Longest time, in milliseconds; Infinity where all has to be looked at. */
  readonly budgetMs: number;
}

/** Bytes that SQLite's check is expected to read in a millisecond, carefully. */
const BYTES_A_MS = 20_000;

/** Byte of the header that says which SQLite may write the file: 1 with a journal, 2 with a write-ahead log. */
const WRITE_VERSION_AT = 18;
const NEWEST_WRITE_VERSION = 2;

class BudgetSpent extends Error {}

/** Checks a file that nobody has open; undefined when nothing was found. */
export async function checkFile(options: FileCheckOptions): Promise<Finding | undefined> {
  const { file, budgetMs } = options;
  const version = writeVersionOf(file);
  // Such a file SQLite reads and does not write: it would be taken for one without the permission.
  if (version > NEWEST_WRITE_VERSION)
    return { what: `its header asks for version ${version} to write it`, isCertain: true };
  try {
    const connection = await openForReading(file);
    try {
      const schema = await findSchemaDamage(connection, options.tables);
      if (schema !== undefined) return { what: schema, isCertain: true };
      const isSmall = budgetMs > 0 && statSync(file).size <= budgetMs * BYTES_A_MS;
      // Are the pages that a file lacks in the log? Nothing but SQLite's check can tell, whatever it takes.
      if (isSmall || (await isCut(connection, file))) {
        const broken = await findBrokenPages(connection, file);
        if (broken !== undefined) return { what: broken, isCertain: true };
      }
      if (budgetMs <= 0) return undefined;
      return await checkChains(connection, options);
    } finally {
      await connection.close();
    }
  } catch (error) {
    if (error instanceof BudgetSpent) return undefined;
    if (isReplicationError(error, 'database-damaged')) return { what: error.message, isCertain: true };
    // Not to be read for another reason: opening it will say which.
    if (isReplicationError(error)) return undefined;
    throw error;
  }
}

/** Rows that the file holds of a run. */
export async function storedSeq(file: string, run: string): Promise<number> {
  const connection = await openForReading(file);
  try {
    const [table] = await connection.all("SELECT 1 FROM sqlite_schema WHERE name = 'replication_origin'");
    if (!table) return 0;
    const [found] = await connection.all<{ seq: number }>(
      'SELECT seq FROM replication_origin WHERE name = ?',
      [run],
    );
    return found?.seq ?? 0;
  } finally {
    await connection.close();
  }
}

/** What the header says, in the file itself: it is set once, when the file is made. 0 where the file is shorter. */
function writeVersionOf(file: string): number {
  const byte = Buffer.alloc(1);
  const handle = openSync(file, 'r');
  try {
    readSync(handle, byte, 0, 1, WRITE_VERSION_AT);
  } finally {
    closeSync(handle);
  }
  return byte[0] ?? 0;
}

async function checkChains(
  connection: Awaited<ReturnType<typeof openForReading>>,
  { tables, schemaVersion, chain, clock, budgetMs }: FileCheckOptions,
): Promise<Finding | undefined> {
  const present = await connection.all<{ name: string }>(
    "SELECT name FROM sqlite_schema WHERE type = 'table'",
  );
  const names = new Set(present.map(({ name }) => name));
  if (!names.has('replication_origin') || !names.has('replication_hidden')) return undefined;
  // Rows of a newer build are no damage: this one cannot read them, and the directory is refused when it is claimed.
  if (await hasNewerRows(connection, schemaVersion)) return undefined;
  const deadline = clock.monotonic() + budgetMs;
  const { problems } = await deepCheck({
    reader: connection,
    history: new History(tables.filter(({ name }) => names.has(name))),
    origins: await Origins.load(connection),
    chain,
    pace: () => {
      if (clock.monotonic() > deadline) throw new BudgetSpent();
    },
  });
  const [problem] = problems;
  if (!problem) return undefined;
  const { origin, seq, what } = problem;
  return { what: `row ${seq} of ${origin}: ${what}`, isCertain: false, place: { origin, seq } };
}
