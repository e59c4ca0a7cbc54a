/**
 * Upkeep: what an operator looks at and mends. Records in quarantine, and rows that are kept but hidden.
 *
 * Quarantined bytes touched nothing and may be discarded; the log still has them. A hidden row has its place in the
 * history and is never discarded: after an upgrade it can be checked again, and is shown when the rules take it.
 */
import type { History } from './history.ts';
import type { Origins } from './origins.ts';
import type { Database } from './sqlite.ts';
import type { Writer } from './writer.ts';

/** A record in quarantine, without its bytes. */
export interface QuarantineEntry {
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  readonly foundAt: string;
  /** Bytes of the value as it came. */
  readonly size: number;
}

/** One with what was kept of it, base64. */
export interface QuarantineRecord extends QuarantineEntry {
  readonly key: string | null;
  readonly value: string | null;
  /** Pairs of name and base64 value. */
  readonly headers: string;
}

/** A row that this build's rules refuse. */
export interface HiddenEntry {
  readonly origin: string;
  readonly seq: number;
  readonly table: string;
  readonly schemaVersion: number;
  readonly reason: string;
  /** The row's canonical bytes, base64. */
  readonly value: string;
}

/** Entries of one answer at most. */
const MAX_ENTRIES = 500;

/** Hidden rows checked in one transaction. */
const RECHECK_ROWS = 200;

const ENTRY = 'id, topic, partition, "offset", reason, found_at AS foundAt, size';

/** An operator's view of one replica. */
export class Upkeep {
  readonly #reader: Database['reader'];
  readonly #history: History;
  readonly #origins: Origins;
  readonly #writer: Writer;

  constructor(parts: { reader: Database['reader']; history: History; origins: Origins; writer: Writer }) {
    this.#reader = parts.reader;
    this.#history = parts.history;
    this.#origins = parts.origins;
    this.#writer = parts.writer;
  }

  /** Records in quarantine after `after`, the oldest first, at most 500. */
  quarantine(after: number): Promise<QuarantineEntry[]> {
    return this.#reader.all<QuarantineEntry>(
      `SELECT ${ENTRY} FROM replication_quarantine WHERE id > ? ORDER BY id LIMIT ?`,
      [after, MAX_ENTRIES],
    );
  }

  /** One record with its bytes, as far as they were kept. */
  async quarantined(id: number): Promise<QuarantineRecord | undefined> {
    const [row] = await this.#reader.all<
      QuarantineEntry & { record_key: Buffer | null; record_value: Buffer | null; headers: string }
    >(`SELECT ${ENTRY}, record_key, record_value, headers FROM replication_quarantine WHERE id = ?`, [id]);
    if (!row) return undefined;
    const { record_key: key, record_value: value, ...entry } = row;
    return { ...entry, key: key?.toString('base64') ?? null, value: value?.toString('base64') ?? null };
  }

  /** Discards one record; false when there is none of that id. */
  discard(id: number): Promise<boolean> {
    return this.#writer.submit({
      write: async (connection) => {
        const discarded = await connection.run('DELETE FROM replication_quarantine WHERE id = ?', [id]);
        return () => discarded > 0;
      },
    });
  }

  /** Rows that are kept but hidden, at most 500. */
  async hidden(): Promise<HiddenEntry[]> {
    const rows = await this.#reader.all<Omit<HiddenEntry, 'value'> & { bytes: Buffer }>(
      `SELECT o.name AS origin, h.seq, h.table_name AS "table", h.schema_version AS schemaVersion, h.reason, h.bytes
       FROM replication_hidden h JOIN replication_origin o ON o.id = h.origin ORDER BY o.name, h.seq LIMIT ?`,
      [MAX_ENTRIES],
    );
    return rows.map(({ bytes, ...row }) => ({ ...row, value: bytes.toString('base64') }));
  }

  /** Holds all hidden rows against the rules of this build; those that pass are shown. */
  async recheck(): Promise<{ shown: number; hidden: number }> {
    let shown = 0;
    let hidden = 0;
    for (const origin of this.#origins.list()) {
      let after = 0;
      for (;;) {
        const checked = await this.#writer.submit({
          write: async (connection) => {
            const page = await this.#history.recheckHidden(connection, origin, {
              after,
              limit: RECHECK_ROWS,
            });
            return () => page;
          },
        });
        shown += checked.shown;
        hidden += checked.hidden;
        after = checked.last;
        if (checked.shown + checked.hidden < RECHECK_ROWS) break;
      }
    }
    return { shown, hidden };
  }
}
