/**
 * Continuity: does what was read continue what was read before?
 *
 * A partition's cursor is *unproven* after every start of reading: the record at the bookmark must be the one
 * remembered. Then it is *proven*, and each read must start where the last one ended. Anything else is never
 * skipped: it is `log-mismatch`, and the log link decides what to do.
 *
 * Offsets that carry nothing, and batches that cannot be decoded, are passed only once two fresh reads agree on them.
 *
 * A log that is exchanged between two reads and refilled beyond the position continues without a seam, and its
 * records become the bookmark. So each cursor keeps a *landmark*, a bookmark of some time ago, that is read again
 * on a timer: the record there must still be the one remembered. It is stored with the position, as everybody may start
 * again before the timer comes round.
 */
import { type LogRead, type LogRecord, nextOffset } from './change-log.ts';
import { ReplicationError } from './errors.ts';
import { type Bookmark, isBookmarked, type Position, readingStart } from './positions.ts';

/** Reads in a row that may start elsewhere before the log counts as one that does not fit. */
const MAX_STRANGE_READS = 5;

interface Cursor {
  /** Offset that the next read must start at. */
  from: number;
  isProven: boolean;
  /** Offsets without a record, or of no use, that the last read showed, to be confirmed by a fresh one. */
  doubts: readonly Gap[];
  strangeReads: number;
  landmark: Bookmark | null;
  /** True from `revisit` until the landmark was seen: reading starts there and goes no further. */
  isRevisiting: boolean;
  /** Restarts so far, and how many there were when the read in hand was checked. */
  restarts: number;
  restartsAtCheck: number;
}

interface Gap {
  readonly at: number;
  readonly next: number;
}

/** What a read comes to: records to apply, or a request to read again. `passedGaps`: offsets without any record. */
export type Continuation =
  | { readonly unread: readonly LogRecord[]; readonly passedGaps: readonly Gap[] }
  | { readonly unread: 'read again' };

/** Cursors of all partitions. */
export class Continuity {
  readonly #cursors = new Map<number, Cursor>();

  /** Reading (re)starts: says from where, and demands the bookmark first. */
  restart(partition: number, position: Position): number {
    const cursor = this.#cursor(partition);
    cursor.restarts += 1;
    cursor.isProven = position.bookmark === null;
    cursor.landmark ??= position.landmark ?? null;
    cursor.from = cursor.isRevisiting && cursor.landmark ? cursor.landmark.offset : readingStart(position);
    return cursor.from;
  }

  /**
   * From the next (re)start on, the landmark is looked at before all else. `low` is the first offset that the
   * partition still has: a landmark that retention has removed proves nothing any more and is set anew.
   */
  revisit(partition: number, { position, low }: { position: Position; low: number }): void {
    const cursor = this.#cursor(partition);
    cursor.landmark ??= position.landmark ?? null;
    if (!cursor.landmark || cursor.landmark.offset < low) cursor.landmark = position.bookmark;
    // The bookmark itself is demanded by every start of reading.
    cursor.isRevisiting = cursor.landmark?.offset !== position.bookmark?.offset;
  }

  /** What is to be stored with the next position: the landmark that is not looked at yet. */
  landmark(partition: number): Bookmark | undefined {
    return this.#cursor(partition).landmark ?? undefined;
  }

  /** Everything is read again from the start: nothing of before counts. */
  forget(): void {
    this.#cursors.clear();
  }

  /** True once the bookmark was seen since reading last (re)started. */
  isProven(partition: number): boolean {
    return this.#cursor(partition).isProven;
  }

  /**
   * Holds a read against the position.
   * @throws `log-replaced` when the log is not the one that was read before, `log-mismatch` when reading does not go on.
   */
  check(read: LogRead, position: Position): Continuation {
    const cursor = this.#cursor(read.partition);
    cursor.restartsAtCheck = cursor.restarts;
    if (read.from !== cursor.from) return this.#strange(read, cursor);
    if (cursor.isRevisiting && cursor.landmark) {
      afterBookmark(read, cursor.landmark);
      cursor.isRevisiting = false;
      cursor.landmark = position.bookmark;
      return { unread: 'read again' };
    }
    const records = cursor.isProven ? read.records : afterBookmark(read, position.bookmark);
    if (position.furthest) assertFurthest(read, position.furthest);
    if (records.some((record) => record.offset < position.next && !record.isMarker && !record.unreadable)) {
      throw replaced(
        `partition ${read.partition} holds a record below offset ${position.next} that was not there before`,
      );
    }
    cursor.isProven = true;
    cursor.strangeReads = 0;
    const unread = records.filter((record) => record.offset >= position.next);
    const gaps = gapsIn(unread, position.next, read.next);
    const unreadable = unread.flatMap((record) =>
      record.unreadable ? [{ at: record.offset, next: record.unreadable.next }] : [],
    );
    const doubts = [...gaps, ...unreadable];
    // A read without doubts settles nothing about those seen before: it may hold the bookmark alone.
    if (doubts.length === 0) return { unread, passedGaps: [] };
    // Everything doubtful of the read has to have been seen by the one before.
    const areConfirmed = doubts.every(({ at, next }) =>
      cursor.doubts.some((seen) => seen.at === at && seen.next === next),
    );
    cursor.doubts = areConfirmed ? [] : doubts;
    return areConfirmed ? { unread, passedGaps: gaps } : { unread: 'read again' };
  }

  /**
   * The read was taken, and the position is `position` now: the next read has to follow it. False where reading
   * restarted while it was being taken: from a position that is no more, so it has to restart again.
   */
  advance(read: LogRead, position: Position): boolean {
    const cursor = this.#cursor(read.partition);
    if (cursor.restarts !== cursor.restartsAtCheck) return false;
    cursor.from = read.next;
    cursor.landmark ??= position.bookmark;
    return true;
  }

  /** A read from elsewhere: left over from before a seek, or a consumer that reset itself. Ask again, a few times. */
  #strange(read: LogRead, cursor: Cursor): Continuation {
    cursor.strangeReads += 1;
    if (cursor.strangeReads > MAX_STRANGE_READS) {
      cursor.strangeReads = 0;
      throw mismatch(
        `partition ${read.partition} was asked for offset ${cursor.from} and answered from ${read.from}, ${MAX_STRANGE_READS} times`,
      );
    }
    return { unread: 'read again' };
  }

  #cursor(partition: number): Cursor {
    let cursor = this.#cursors.get(partition);
    if (!cursor) {
      cursor = {
        from: 0,
        isProven: false,
        doubts: [],
        strangeReads: 0,
        landmark: null,
        isRevisiting: false,
        restarts: 0,
        restartsAtCheck: 0,
      };
      this.#cursors.set(partition, cursor);
    }
    return cursor;
  }
}

/** The first record must be the bookmarked one; gives what follows it. */
function afterBookmark(read: LogRead, bookmark: Bookmark | null): readonly LogRecord[] {
  const [first, ...rest] = read.records;
  if (!bookmark) return read.records;
  if (!first || !isBookmarked(first, bookmark)) {
    throw replaced(
      `partition ${read.partition} does not hold the record at offset ${bookmark.offset} that was read before`,
    );
  }
  return rest;
}

/** A read that comes by what was read furthest must show it: who went back and sees something else read another log. */
function assertFurthest({ partition, records, next }: LogRead, furthest: Bookmark): void {
  if (next <= furthest.offset || records.some((record) => isBookmarked(record, furthest))) return;
  throw replaced(
    `partition ${partition} does not hold the record at offset ${furthest.offset} any more, up to which it was read before`,
  );
}

/** The stretches of offsets below `next` that have neither record nor marker. */
function gapsIn(records: readonly LogRecord[], from: number, next: number): Gap[] {
  const gaps: Gap[] = [];
  let expected = from;
  for (const record of records) {
    if (record.offset > expected) gaps.push({ at: expected, next: record.offset });
    expected = nextOffset(record);
  }
  if (expected < next) gaps.push({ at: expected, next });
  return gaps;
}

function mismatch(what: string): ReplicationError {
  return new ReplicationError({
    code: 'log-mismatch',
    message: `The log does not go on where it was read: ${what}.`,
    hint: 'Nothing was skipped. The topic was deleted, recreated, truncated, cut or replaced.',
  });
}

/** What is there is something else: no cut of the log explains that. */
function replaced(what: string): ReplicationError {
  return new ReplicationError({
    code: 'log-replaced',
    message: `The log is not the one that was read before: ${what}.`,
    hint: 'Nothing was skipped. The topic was deleted, recreated, truncated or replaced.',
  });
}
