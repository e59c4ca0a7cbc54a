/**
 * Stalls: origins whose next event is missing or cannot be used yet. Others go on.
 *
 * A stall remembers where in the log its first event that was not applied stands. When an event that fits turns
 * up, or the build learns the schema, the partition is read again from there.
 */
import { bookmarkValues, type Position, type PositionRow, positionOf, savePosition } from './positions.ts';
import type { Connection, Database } from './sqlite.ts';

/**
 * `hole`: the next seq is missing. `schema`: the next event is of a version that this build does not know, wherever it
 * was seen; a hole that only such an event can fill is one of these.
 */
export type StallReason = 'hole' | 'schema';

/** Stands for the partition where the log shows nothing of what is waited for: only a peer has it so far. */
export const NOWHERE = -1;

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
      },
    ]),
  );
}

/** Stores a stall, in the place of what was known of it before. */
export async function saveStall(connection: Connection, topic: string, stall: Stall): Promise<void> {
  await connection.run(
    `INSERT INTO replication_stall (origin, reason, schema_version, since, topic, partition, next, bookmark_offset, bookmark)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (origin) DO UPDATE SET reason = excluded.reason, schema_version = excluded.schema_version,
       partition = excluded.partition, next = excluded.next,
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
}

/** Forgets the stall of an origin. */
export async function deleteStall(connection: Connection, origin: string): Promise<void> {
  await connection.run('DELETE FROM replication_stall WHERE origin = ?', [origin]);
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
  for (const { origin, partition, position } of readable) {
    await deleteStall(connection, origin);
    stalls.delete(origin);
    if (position.next < (positions.get(partition)?.next ?? 0)) {
      positions.set(partition, position);
      await savePosition(connection, { topic, partition }, position);
    }
  }
  await connection.run('COMMIT');
}
