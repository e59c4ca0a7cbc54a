/**
 * The mark of an open database: a small file beside it, there from the opening to a clean close.
 *
 * SQLite does not tie a write-ahead log to its database: a foreign one is played into the file without a word, and a
 * missing or shortened one is no error either. The mark holds the salt that the log began with, which SQLite raises by
 * one each time it starts the log over, and how many rows of its run are committed. So whoever finds a mark knows that
 * the last end was not a clean one, that there must be a log, which, and how far it must reach.
 *
 * That there is a mark, or none, is synced: one of an earlier run that came back with a power loss would make the log of
 * today a foreign one. The count is written after each commit and not synced: it survives the process, and after a power
 * loss it says less than it could, never more.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** What the mark beside a database says about its write-ahead log. */
export type WalVerdict =
  /** As it should be. */
  | 'fits'
  /** It was not closed, and the log is not there. */
  | 'missing'
  /** The log is not the one that belongs to the file. */
  | 'foreign'
  /** There is a log, and nothing says whose it is. */
  | 'unknown';

/** Times that one process may start its log over; more than any run does, and little beside 2^32. */
const MAX_RESTARTS = 10_000_000;

const WAL_HEADER_BYTES = 32;

/** Bytes before the count. */
const HEAD_BYTES = 256;
const COUNT_DIGITS = 16;

/** What a mark says of the run that wrote it. */
export interface MarkedRun {
  readonly run: string;
  /** Rows that it has committed. */
  readonly seq: number;
}

/** The mark of a database that is open. */
export class OpenMark {
  readonly #databaseFile: string;
  #handle: number | undefined;

  /** Writes the mark; the database is open and something was written to it. */
  constructor(databaseFile: string, run: string) {
    this.#databaseFile = databaseFile;
    const head = JSON.stringify({ run, salt: readSalt(databaseFile) ?? null });
    try {
      this.#handle = openSync(markOf(databaseFile), 'w+');
      writeSync(this.#handle, `${head.padEnd(HEAD_BYTES - 1)}\n${digits(0)}`, 0);
      fsyncSync(this.#handle);
      syncFolderOf(databaseFile);
    } catch {
      // A full disk must not keep a replica from serving; without a mark it is only checked less well.
      if (this.#handle !== undefined) closeSync(this.#handle);
      this.#handle = undefined;
      unmark(databaseFile);
    }
  }

  /** Rows up to `seq` are committed. */
  committed(seq: number): void {
    if (this.#handle === undefined) return;
    try {
      writeSync(this.#handle, digits(seq), HEAD_BYTES);
    } catch {
      // The row is committed, whatever becomes of its count: the mark then says less than it could.
    }
  }

  /** Removes the mark; call it before the last connection closes, or a crash in between looks like a lost log. */
  remove(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    unmark(this.#databaseFile);
  }
}

/** Removes a mark that an earlier process left. */
export function unmark(databaseFile: string): void {
  if (!existsSync(markOf(databaseFile))) return;
  rmSync(markOf(databaseFile), { force: true });
  try {
    syncFolderOf(databaseFile);
  } catch {
    // Whoever closes does so all the same; the mark may come back with a power loss, and the file is checked then.
  }
}

/** The run that had the file open when its process ended. */
export function markedRun(databaseFile: string): MarkedRun | undefined {
  return readMark(databaseFile);
}

/** Holds the log against the mark. Nothing may have the database open. */
export function judgeWal(databaseFile: string): WalVerdict {
  const mark = readMark(databaseFile);
  const salt = readSalt(databaseFile);
  if (!mark) return salt === undefined ? 'fits' : 'unknown';
  if (salt === undefined) return 'missing';
  if (mark.salt === null) return 'unknown';
  return (salt - mark.salt) >>> 0 <= MAX_RESTARTS ? 'fits' : 'foreign';
}

/** True where a write-ahead log with something in it lies beside the file. */
export function hasWal(databaseFile: string): boolean {
  return readSalt(databaseFile) !== undefined;
}

function markOf(databaseFile: string): string {
  return `${databaseFile}.open`;
}

function readMark(databaseFile: string): (MarkedRun & { salt: number | null }) | undefined {
  try {
    const text = readFileSync(markOf(databaseFile), 'utf8');
    const { run, salt } = JSON.parse(text.slice(0, HEAD_BYTES)) as Record<string, unknown>;
    const seq = Number(text.slice(HEAD_BYTES));
    if (typeof run !== 'string' || !Number.isSafeInteger(seq)) return undefined;
    return { run, seq, salt: typeof salt === 'number' ? salt : null };
  } catch {
    return undefined;
  }
}

/** The entry of a file in its folder is no part of the file. */
function syncFolderOf(databaseFile: string): void {
  const handle = openSync(dirname(databaseFile), 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function digits(count: number): string {
  return String(count).padStart(COUNT_DIGITS, '0');
}

/** The first salt in the log's header. Plain calls on the log drop no lock: SQLite's are on the two other files. */
function readSalt(databaseFile: string): number | undefined {
  const wal = `${databaseFile}-wal`;
  if (!existsSync(wal) || statSync(wal).size < WAL_HEADER_BYTES) return undefined;
  const header = Buffer.alloc(WAL_HEADER_BYTES);
  const handle = openSync(wal, 'r');
  try {
    readSync(handle, header, 0, WAL_HEADER_BYTES, 0);
  } finally {
    closeSync(handle);
  }
  return header.readUInt32BE(16);
}
