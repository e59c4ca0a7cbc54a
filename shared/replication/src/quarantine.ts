/**
 * Quarantine: records on our topic that are no event of ours, or a genuine event that contradicts what is stored.
 *
 * They are kept with their place and the reason, up to a bound of bytes each and of records in all, and touch
 * nothing else. The log still has them whole.
 */
import type { LogRecord } from './change-log.ts';
import type { Connection } from './sqlite.ts';

/** Bytes kept of each part of a record. With the number of records they bound what a flood of garbage can fill. */
const KEPT = { value: 4096, key: 512, headers: 2048 } as const;

/** Records kept where nothing else is said; beyond it the oldest make room. At most 70 MB. */
const KEPT_RECORDS = 10_000;

/** How the reason of a genuine event begins that contradicts what is stored. */
export const CONTRADICTION = 'it contradicts what is stored';

/** Hidden rows that are counted at most. */
const COUNTED_HIDDEN = 1000;

/** A record set aside. */
export interface QuarantinedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly record: LogRecord;
  readonly reason: string;
  /** ISO 8601, wall time, for people. */
  readonly foundAt: string;
}

/** Stores records, at most `kept` in all; one that is there already (read a second time) stays as it is. */
export async function saveQuarantined(
  connection: Connection,
  found: readonly QuarantinedRecord[],
  kept = KEPT_RECORDS,
): Promise<void> {
  for (const { topic, partition, record, reason, foundAt } of found) {
    const headers = Object.entries(record.headers).map(([name, value]) => [
      name,
      value?.toString('base64') ?? null,
    ]);
    await connection.run(
      `INSERT INTO replication_quarantine
         (topic, partition, "offset", reason, found_at, size, record_key, record_value, headers)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (topic, partition, "offset") DO NOTHING`,
      [
        topic,
        partition,
        record.offset,
        reason,
        foundAt,
        record.value?.length ?? 0,
        record.key?.subarray(0, KEPT.key) ?? null,
        record.value?.subarray(0, KEPT.value) ?? null,
        JSON.stringify(headers).slice(0, KEPT.headers),
      ],
    );
  }
  if (found.length > 0) {
    await connection.run(
      'DELETE FROM replication_quarantine WHERE id <= (SELECT max(id) FROM replication_quarantine) - ?',
      [kept],
    );
  }
}

/** What waits for an operator. */
export interface Refused {
  readonly quarantined: number;
  /** Those of them that are genuine and contradict what is stored. */
  readonly contradictions: number;
  /** Rows that are kept but hidden; 1000 stands for that many or more. */
  readonly hidden: number;
}

/** Counts what was refused and kept. */
export async function countRefused(reader: Pick<Connection, 'all'>): Promise<Refused> {
  const [row] = await reader.all<Refused>(
    `SELECT count(*) AS quarantined, count(*) FILTER (WHERE substr(reason, 1, ?) = ?) AS contradictions,
       (SELECT count(*) FROM (SELECT 1 FROM replication_hidden LIMIT ?)) AS hidden
     FROM replication_quarantine`,
    [CONTRADICTION.length, CONTRADICTION, COUNTED_HIDDEN],
  );
  return row ?? { quarantined: 0, contradictions: 0, hidden: 0 };
}
