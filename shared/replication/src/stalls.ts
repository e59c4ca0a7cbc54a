/**
 * Stalls: origins whose next event is missing or cannot be used yet. Others go on.
 *
 * A stall remembers where in the log its first event that was not applied stands. When an event that fits turns
 * up, or the build learns the schema, the partition is read again from there.
 */
import {
  backAt,
  bookmarkValues,
  type Position,
  type PositionRow,
  positionOf,
  savePosition,
} from './positions.ts';
import type { Connection, Database } from './sqlite.ts';

/**
 * `hole`: the next seq is missing. `schema`: the next event is of a version that this build does not know, wherever it
 * was seen; a hole that only such an event can fill is one of these.
 */
export type StallReason = 'hole' | 'schema';

/** Stands for the partition where the log shows nothing of what is waited for: only a peer has it so far. */
export const NOWHERE = -1;

/** Where an event stands that could not be applied. */
export interface StallPlace {
  readonly partition: number;
  readonly position: Position;
}

/** One stalled origin. */
export interface Stall {
  readonly origin: string;
  readonly reason: StallReason;
  /** Schema version of the event that could not be applied. */
  readonly schemaVersion: number;
  /** ISO 8601, wall time, for people. */
  readonly since: string;
  /** `NOWHERE` where the log has shown no event that could not be applied. */
  readonly partition: number;
  /** Position of the first event that was not applied. */
  readonly position: Position;
  /** The first such event of each other partition that showed some meanwhile: these are read again, too. */
  readonly elsewhere: readonly StallPlace[];
}

/** Reads the stalls of a topic. */
export async function loadStalls(reader: Database['reader'], topic: string): Promise<Map<string, Stall>> {
  const rows = await reader.all<
    PositionRow & {
      origin: string;
      reason: StallReason;
      schema_version: number;
      since: string;
      partition: number;
    }
  >(
    `SELECT origin, reason, schema_version, since, partition, next, bookmark_offset, bookmark
     FROM replication_stall WHERE topic = ?`,
    [topic],
  );
  const places = await loadPlaces(reader, topic);
  return new Map(
    rows.map((row) => [
      row.origin,
      {
        origin: row.origin,
        reason: row.reason,
        schemaVersion: row.schema_version,
        since: row.since,
        partition: row.partition,
        position: positionOf(row),
        elsewhere: places.filter(({ origin }) => origin === row.origin),
      },
    ]),
  );
}

async function loadPlaces(
  reader: Database['reader'],
  topic: string,
): Promise<(StallPlace & { readonly origin: string })[]> {
  const rows = await reader.all<PositionRow & { origin: string; partition: number }>(
    `SELECT origin, partition, next, bookmark_offset, bookmark FROM replication_stall_place
     WHERE topic = ? ORDER BY origin, partition`,
    [topic],
  );
  return rows.map((row) => ({ origin: row.origin, partition: row.partition, position: positionOf(row) }));
}

/** Everywhere that has to be read again when a stall ends. */
export function placesOf(stall: Stall): StallPlace[] {
  return [{ partition: stall.partition, position: stall.position }, ...stall.elsewhere];
}

/** Stores a stall, in the place of what was known of its origin before, in whatever topic that was. */
export async function saveStall(connection: Connection, topic: string, stall: Stall): Promise<void> {
  await connection.run(
    `INSERT INTO replication_stall (origin, reason, schema_version, since, topic, partition, next, bookmark_offset, bookmark)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (origin) DO UPDATE SET reason = excluded.reason, schema_version = excluded.schema_version,
       since = excluded.since, topic = excluded.topic, partition = excluded.partition, next = excluded.next,
       bookmark_offset = excluded.bookmark_offset, bookmark = excluded.bookmark`,
    [
      stall.origin,
      stall.reason,
      stall.schemaVersion,
      stall.since,
      topic,
      stall.partition,
      stall.position.next,
      ...bookmarkValues(stall.position),
    ],
  );
  for (const { partition, position } of stall.elsewhere) {
    await connection.run(
      `INSERT INTO replication_stall_place (origin, topic, partition, next, bookmark_offset, bookmark)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (origin, partition) DO UPDATE SET topic = excluded.topic, next = excluded.next,
         bookmark_offset = excluded.bookmark_offset, bookmark = excluded.bookmark`,
      [stall.origin, topic, partition, position.next, ...bookmarkValues(position)],
    );
  }
}

/** Keeps a place of an origin, unless one is kept of that partition; in a transaction of the caller. */
export async function savePlace(
  connection: Connection,
  { origin, topic, partition, position }: StallPlace & { origin: string; topic: string },
): Promise<void> {
  await connection.run(
    `INSERT INTO replication_stall_place (origin, topic, partition, next, bookmark_offset, bookmark)
     VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (origin, partition) DO NOTHING`,
    [origin, topic, partition, position.next, ...bookmarkValues(position)],
  );
}

/** Forgets the places of origins that are not stalled; in a transaction of the caller. */
export async function clearPlaces(connection: Connection): Promise<void> {
  await connection.run(
    'DELETE FROM replication_stall_place WHERE origin NOT IN (SELECT origin FROM replication_stall)',
  );
}

/**
 * Makes a stall of the places that are kept of an origin, if there are any: what stands there was passed by somebody who
 * has it. In a transaction of the caller. `since`: ISO 8601.
 */
export async function stallAtPlaces(
  connection: Connection,
  { origin, since }: { origin: string; since: string },
): Promise<void> {
  const moved = await connection.run(
    `INSERT INTO replication_stall (origin, reason, schema_version, since, topic, partition, next, bookmark_offset, bookmark)
     SELECT origin, 'hole', 1, ?, topic, partition, next, bookmark_offset, bookmark
     FROM replication_stall_place WHERE origin = ? ORDER BY partition LIMIT 1 ON CONFLICT DO NOTHING`,
    [since, origin],
  );
  if (moved === 0) return;
  await connection.run(
    `DELETE FROM replication_stall_place WHERE origin = ?
       AND partition = (SELECT partition FROM replication_stall WHERE origin = ?)`,
    [origin, origin],
  );
}

/** Forgets the stall of an origin. */
export async function deleteStall(connection: Connection, origin: string): Promise<void> {
  await connection.run('DELETE FROM replication_stall WHERE origin = ?', [origin]);
  await connection.run('DELETE FROM replication_stall_place WHERE origin = ?', [origin]);
}

/**
 * A build that has learned a schema version reads the events that had to wait for it: their stalls end, and their
 * partitions are read again from there. Runs once at the start.
 */
export async function resumeSchemaStalls(options: {
  connection: Connection;
  topic: string;
  schemaVersion: number;
  stalls: Map<string, Stall>;
  positions: Map<number, Position>;
}): Promise<void> {
  const { connection, topic, stalls, positions } = options;
  const readable = [...stalls.values()].filter(
    (stall) => stall.reason === 'schema' && stall.schemaVersion <= options.schemaVersion,
  );
  if (readable.length === 0) return;
  await connection.run('BEGIN IMMEDIATE');
  for (const stall of readable) {
    await deleteStall(connection, stall.origin);
    stalls.delete(stall.origin);
    for (const { partition, position: place } of placesOf(stall)) {
      const position = positions.get(partition);
      if (!position || place.next >= position.next) continue;
      const back = backAt(place, position);
      positions.set(partition, back);
      await savePosition(connection, { topic, partition }, back);
    }
  }
  await connection.run('COMMIT');
}
