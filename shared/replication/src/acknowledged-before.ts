/**
 * What logs of before had acknowledged: rows minted here that were known to be in a log that is gone or another one now.
 *
 * They are published again like any other, but were at no time the only copy in the sense of the high-water mark, and a
 * restart must not make them count against it.
 */
import type { Connection, Database } from './sqlite.ts';

/** Seq by origin. */
export async function loadAcknowledgedBefore(
  reader: Database['reader'],
): Promise<ReadonlyMap<string, number>> {
  const rows = await reader.all<{ name: string; seq: number }>(
    'SELECT o.name, a.seq FROM replication_acknowledged a JOIN replication_origin o ON o.id = a.origin',
  );
  return new Map(rows.map(({ name, seq }) => [name, seq]));
}

/** Remembers what is published; part of the transaction that forgets it. */
export async function keepAcknowledged(connection: Connection): Promise<void> {
  await connection.run(
    `INSERT INTO replication_acknowledged (origin, seq)
     SELECT id, published FROM replication_origin WHERE minted = 1 AND published > 0
     ON CONFLICT (origin) DO UPDATE SET seq = max(seq, excluded.seq)`,
  );
}
