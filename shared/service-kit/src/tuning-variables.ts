/**
 * The environment variables that tune a replica: what it may hold, how long it waits, with what it works.
 *
 * All are optional, and none has a default here: what counts where nothing is said is known to those who work with it,
 * the HTTP edge, the broker and the replication library. Descriptions name that default for the documentation; a test
 * of the order-service holds them against the library's.
 */
import { z } from 'zod';
import { integerVariable } from './service-variables.ts';

/** An optional bound with its unit and default, as documented by those who keep to it. */
const bound = (options: { min: number; max: number; describe: string }) =>
  integerVariable(options).optional().describe(`${options.describe}, ${options.min}..${options.max}`);

/** Spread these into the schema of a service that is a replica, next to those that say who it is and where. */
export const tuningVariables = {
  DBSYNC_TOPIC_PARTITIONS: bound({
    min: 1,
    max: 1000,
    describe: 'partitions of a created topic (default 6)',
  }),
  DBSYNC_TOPIC_REPLICATION_FACTOR: bound({
    min: 1,
    max: 10,
    describe: 'replication factor of created topics (default: the broker decides)',
  }),
  DBSYNC_TOPIC_MIN_INSYNC_REPLICAS: bound({
    min: 1,
    max: 10,
    describe: 'min.insync.replicas of the created topic (default: the broker decides)',
  }),
  DBSYNC_APPLY_ROWS: bound({ min: 1, max: 5000, describe: 'rows applied in one transaction (default 500)' }),
  DBSYNC_PUBLISH_ROWS: bound({ min: 1, max: 5000, describe: 'rows of one append (default 500)' }),
  DBSYNC_PUBLISH_BYTES: bound({
    min: 1024,
    max: 16_777_216,
    describe: 'bytes of one append (default 524288)',
  }),
  DBSYNC_MAX_ROW_BYTES: bound({
    min: 1024,
    max: 524_288,
    describe: 'bytes of one stored row (default 65536)',
  }),
  DBSYNC_MAX_BODY_BYTES: bound({
    min: 1024,
    max: 1_048_576,
    describe: 'bytes of one request body (default 16384)',
  }),
  DBSYNC_MAX_CONNECTIONS: bound({
    min: 16,
    max: 65_535,
    describe: 'connections at a time (default 4096)',
  }),
  DBSYNC_QUARANTINE_RECORDS: bound({
    min: 1,
    max: 1_000_000,
    describe: 'records kept in quarantine, up to 7 KB each (default 10000)',
  }),
  DBSYNC_LANDMARK_MS: bound({
    min: 1000,
    max: 600_000,
    describe: 'time between two looks whether the log is still the same, milliseconds (default 5000)',
  }),
  DBSYNC_SNAPSHOT_STALL_MS: bound({
    min: 1000,
    max: 600_000,
    describe: 'longest wait for the next part of a snapshot, milliseconds (default 15000)',
  }),
  DBSYNC_SNAPSHOT_TOTAL_MS: bound({
    min: 10_000,
    max: 86_400_000,
    describe: 'longest way of a whole snapshot, milliseconds (default 1800000)',
  }),
  DBSYNC_REPAIR_VISIT_MS: bound({
    min: 1000,
    max: 3_600_000,
    describe: 'how long one peer is asked for missing rows, page after page, milliseconds (default 60000)',
  }),
  DBSYNC_MAX_QUEUED_WRITES: bound({
    min: 1,
    max: 1_000_000,
    describe: 'writes that may wait for the disk (default 10000)',
  }),
  DBSYNC_MAX_UNPUBLISHED: bound({
    min: 1,
    max: 1_000_000_000,
    describe: 'rows the log has not acknowledged before writes are refused (default 100000)',
  }),
  DBSYNC_MAX_WAITERS: bound({
    min: 1,
    max: 1_000_000,
    describe: 'requests that may wait for a token (default 10000)',
  }),
  DBSYNC_TOKEN_WAIT_MS: bound({
    min: 0,
    max: 60_000,
    describe: 'longest wait for a token, milliseconds (default 2000)',
  }),
  DBSYNC_ACKNOWLEDGE_MS: bound({
    min: 1,
    max: 60_000,
    describe: 'longest wait of Write-Concern: log, milliseconds (default 5000)',
  }),
  DBSYNC_GONE_AFTER_MS: bound({
    min: 1000,
    max: 31_536_000_000,
    describe: 'silence of a replica after which its missing writes are gone, milliseconds (default 7 days)',
  }),
  DBSYNC_SCHEMA_HOLD_MS: bound({
    min: 0,
    max: 31_536_000_000,
    describe:
      'silence of a replica of an older build after which rows are written in the newer version, milliseconds (default 3600000)',
  }),
  DBSYNC_STANDSTILL_MS: bound({
    min: 1000,
    max: 600_000,
    describe: 'time without progress until the reader is replaced, milliseconds (default 15000)',
  }),
  DBSYNC_SNAPSHOT_MIN_RECORDS: bound({
    min: 1,
    max: 1_000_000_000,
    describe: 'records from which on an empty replica prefers a snapshot to the log (default 50000)',
  }),
  DBSYNC_DRAIN_MS: bound({
    min: 0,
    max: 60_000,
    describe: 'how long a stop waits for unpublished rows, milliseconds (default 2000)',
  }),
  DBSYNC_BUSY_TIMEOUT_MS: bound({
    min: 0,
    max: 60_000,
    describe: "longest wait for another process's lock on the file, milliseconds (default 2000)",
  }),
  DBSYNC_SQLITE_CLIENT: z
    .enum(['sqlite3', 'better-sqlite3'])
    .optional()
    .describe('the SQLite driver, sqlite3 or better-sqlite3 (default sqlite3)'),
  DBSYNC_READERS: bound({
    min: 1,
    max: 16,
    describe: 'read connections, to SQLite or to PostgreSQL (default 2)',
  }),
  DBSYNC_START_CHECK_MS: bound({
    min: 0,
    max: 3_600_000,
    describe: 'longest check of the database at a start, milliseconds, 0 for none (default 100)',
  }),
  DBSYNC_SCRUB_PERCENT: bound({
    min: 0,
    max: 100,
    describe: 'share of the time that the background scrub takes, percent, 0 for none (default 2)',
  }),
  DBSYNC_SCRUB_PAUSE_MS: bound({
    min: 1000,
    max: 31_536_000_000,
    describe: 'time from one scrub to the next, milliseconds (default 600000)',
  }),
  DBSYNC_REBUILD_WAIT_MS: bound({
    min: 0,
    max: 86_400_000,
    describe: 'how long a damaged replica lets others be rebuilt first, milliseconds (default 600000)',
  }),
};
