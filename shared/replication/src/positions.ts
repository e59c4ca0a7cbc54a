/**
 * Positions: the next offset to read of each partition, with the bookmark that proves the log is still the same.
 *
 * They are stored in the transaction that stores what was read; no offset is committed to Kafka. The bookmark is
 * a fingerprint of the last record before the position. When reading starts again it starts at the bookmark, and
 * the record found there must be the one remembered. The landmark is stored with it (see `continuity.ts`).
 */
import { createHash } from 'node:crypto';
import type { LogRecord } from './change-log.ts';
import type { Connection, Database } from './sqlite.ts';

/** The last record before a position. */
export interface Bookmark {
  readonly offset: number;
  readonly fingerprint: Buffer;
}

/** Where to go on in a partition. */
export interface Position {
  readonly next: number;
  /** Null while nothing of the partition was read. */
  readonly bookmark: Bookmark | null;
  /** A bookmark of some time ago; absent where none is known. */
  readonly landmark?: Bookmark | undefined;
  /** Present after reading went back: the last record that was read before, which has to be there when it is read again. */
  readonly furthest?: Bookmark | undefined;
}

/** The position of a partition that was never read. */
export const START: Position = { next: 0, bookmark: null };

/** Bookmarks `record`: SHA-256 over its timestamp, key, value and headers. */
export function bookmarkOf(record: LogRecord): Bookmark {
  const hash = createHash('sha256').update(`${record.timestampMs}\n`);
  const add = (part: Buffer | null | undefined): void => {
    hash.update(part ? `${part.length}\n` : 'null\n');
    if (part) hash.update(part);
  };
  add(record.key);
  add(record.value);
  for (const name of Object.keys(record.headers).sort()) {
    hash.update(`${name.length}\n${name}`);
    add(record.headers[name]);
  }
  return { offset: record.offset, fingerprint: hash.digest() };
}

/** True when `record` is the one that `bookmark` remembers. */
export function isBookmarked(record: LogRecord, bookmark: Bookmark): boolean {
  return record.offset === bookmark.offset && bookmarkOf(record).fingerprint.equals(bookmark.fingerprint);
}

/** Where reading has to start so that the bookmark is seen first. */
export function readingStart(position: Position): number {
  return position.bookmark?.offset ?? position.next;
}

/** Offset behind the last one that was ever read. */
export function readUpTo({ next, furthest }: Position): number {
  return Math.max(next, furthest ? furthest.offset + 1 : 0);
}

/** The position of a partition at which reading goes back from `position` to an earlier `place`. */
export function backAt(place: Position, position: Position): Position {
  const { bookmark, landmark, furthest } = position;
  return { ...place, landmark, furthest: furthest ?? bookmark ?? undefined };
}

/** Reads the stored positions of a topic. */
export async function loadPositions(
  reader: Database['reader'],
  topic: string,
): Promise<Map<number, Position>> {
  const rows = await reader.all<
    PositionRow & {
      partition: number;
      landmark_offset: number | null;
      landmark: Buffer | null;
      furthest_offset: number | null;
      furthest: Buffer | null;
    }
  >(
    `SELECT partition, next, bookmark_offset, bookmark, landmark_offset, landmark, furthest_offset, furthest
     FROM replication_position WHERE topic = ?`,
    [topic],
  );
  return new Map(
    rows.map((row) => {
      const landmark = markOf(row.landmark_offset, row.landmark);
      const furthest = markOf(row.furthest_offset, row.furthest);
      return [
        row.partition,
        { ...positionOf(row), ...(landmark && { landmark }), ...(furthest && { furthest }) },
      ];
    }),
  );
}

/** Stores a position, in the transaction of what was read. A landmark that is known already stays where none is given. */
export async function savePosition(
  connection: Connection,
  place: { topic: string; partition: number },
  position: Position,
): Promise<void> {
  await connection.run(
    `INSERT INTO replication_position (topic, partition, next, bookmark_offset, bookmark,
       landmark_offset, landmark, furthest_offset, furthest)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (topic, partition) DO UPDATE SET next = excluded.next,
       bookmark_offset = excluded.bookmark_offset, bookmark = excluded.bookmark,
       landmark_offset = ifnull(excluded.landmark_offset, landmark_offset),
       landmark = ifnull(excluded.landmark, landmark),
       furthest_offset = excluded.furthest_offset, furthest = excluded.furthest`,
    [
      place.topic,
      place.partition,
      position.next,
      ...bookmarkValues(position),
      position.landmark?.offset ?? null,
      position.landmark?.fingerprint ?? null,
      position.furthest?.offset ?? null,
      position.furthest?.fingerprint ?? null,
    ],
  );
}

/** The columns that hold a position, wherever one is stored. */
export interface PositionRow {
  readonly next: number;
  readonly bookmark_offset: number | null;
  readonly bookmark: Buffer | null;
}

/** The position that stored columns stand for. */
export function positionOf(row: PositionRow): Position {
  return { next: row.next, bookmark: markOf(row.bookmark_offset, row.bookmark) };
}

function markOf(offset: number | null, fingerprint: Buffer | null): Bookmark | null {
  return offset !== null && fingerprint !== null ? { offset, fingerprint } : null;
}

/** Values for the columns `bookmark_offset, bookmark`. */
export function bookmarkValues(position: Position): [number | null, Buffer | null] {
  return [position.bookmark?.offset ?? null, position.bookmark?.fingerprint ?? null];
}
