/**
 * History: the rows of all replicated tables by their place (origin, seq), stored and read back.
 *
 * A row is at exactly one place: in its table, or in `replication_hidden` when this build's rules refuse it.
 * Any stretch of an origin's history can be read back as the events that it came as; that is what makes the
 * table its own outbox, and what peers and `verify` are served from.
 */
import { GENESIS } from './chain.ts';
import type { ChangeEvent } from './change-event.ts';
import { isReplicationError, ReplicationError } from './errors.ts';
import type { Origin } from './origins.ts';
import { insertRows, type PlacedRow } from './row-insert.ts';
import type { Connection, Database, SqlValue } from './sqlite.ts';
import type { Row, Table } from './table.ts';

/** A genuine event whose row this build's rules refuse. */
export interface HiddenRow {
  readonly event: ChangeEvent;
  readonly originId: number;
  readonly reason: string;
}

/** An event read back from the tables, with what its envelope needs. */
export interface StoredEvent extends ChangeEvent {
  readonly key: string;
  readonly time: string;
  /** Known of a row only until it was published once by the run that wrote it. */
  readonly traceParent?: string;
}

/** Access to the stored rows of one database. */
export class History {
  readonly #tables: ReadonlyMap<string, Table>;

  constructor(tables: readonly Table[]) {
    this.#tables = new Map(tables.map((table) => [table.name, table]));
  }

  /** All tables. */
  get tables(): readonly Table[] {
    return [...this.#tables.values()];
  }

  /** The table of that name, if this build has it. */
  table(name: string): Table | undefined {
    return this.#tables.get(name);
  }

  /**
   * Stores rows, in a transaction of the caller.
   * @throws `key-taken` where a row that is shown has the same key already.
   */
  async insert(connection: Connection, rows: readonly PlacedRow[]): Promise<void> {
    await insertRows(connection, rows);
  }

  /**
   * Stores rows that fit, whatever their keys: of two rows with one key the lowest (createdAt, origin, seq) is
   * shown and the other marked superseded. It looks before each row, so it is slow: for batches that `insert`
   * refused. In a transaction of the caller. Says how many rows were superseded.
   */
  async insertFitting(connection: Connection, rows: readonly PlacedRow[]): Promise<number> {
    let superseded = 0;
    for (const row of rows) superseded += await this.#insertOne(connection, row);
    return superseded;
  }

  /** Stores rows that are kept but not shown; in a transaction of the caller. */
  async hide(connection: Connection, rows: readonly HiddenRow[]): Promise<void> {
    for (const { event, originId, reason } of rows) {
      await connection.run(
        `INSERT INTO replication_hidden (origin, seq, table_name, schema_version, chain, bytes, reason)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        [originId, event.seq, event.table, event.schemaVersion, event.chain, event.bytes, reason],
      );
    }
  }

  /**
   * Holds hidden rows of an origin against the rules of this build; those that pass move into their table. In a
   * transaction of the caller. `last` is the seq of the last one looked at.
   */
  async recheckHidden(
    connection: Connection,
    origin: Origin,
    range: { after: number; limit: number },
  ): Promise<{ shown: number; hidden: number; last: number }> {
    const rows = await connection.all<{
      seq: number;
      table_name: string;
      schema_version: number;
      chain: Buffer;
      bytes: Buffer;
    }>(
      `SELECT seq, table_name, schema_version, chain, bytes FROM replication_hidden
       WHERE origin = ? AND seq > ? ORDER BY seq LIMIT ?`,
      [origin.id, range.after, range.limit],
    );
    const passing: PlacedRow[] = [];
    for (const { seq, table_name, schema_version: schemaVersion, chain, bytes } of rows) {
      const table = this.#tables.get(table_name);
      try {
        if (!table) continue;
        const row = table.decode(bytes, schemaVersion);
        const place = { originId: origin.id, originName: origin.name, seq, schemaVersion, chain };
        passing.push({ table, row, bytes, ...place });
      } catch (error) {
        if (!isReplicationError(error, 'invalid-row')) throw error;
      }
    }
    for (const { seq } of passing) {
      await connection.run('DELETE FROM replication_hidden WHERE origin = ? AND seq = ?', [origin.id, seq]);
    }
    await this.insertFitting(connection, passing);
    return {
      shown: passing.length,
      hidden: rows.length - passing.length,
      last: rows.at(-1)?.seq ?? range.after,
    };
  }

  /**
   * The events after `after` of one origin, in order, at most `limit`, up to `upTo`.
   * @throws `database-damaged` where a place in between is empty.
   */
  async read(
    reader: Database['reader'],
    origin: Origin,
    range: { after: number; upTo: number; limit: number },
  ): Promise<StoredEvent[]> {
    const first = Math.max(range.after, 1);
    const last = Math.min(range.upTo, range.after + range.limit);
    if (last <= range.after) return [];
    // The row before the first one is read along: its link is the first one's `previous`.
    const places = await this.#places(reader, origin, first, last);
    const events: StoredEvent[] = [];
    let previous = GENESIS;
    for (let seq = first; seq <= last; seq += 1) {
      const place = places.get(seq);
      if (!place) throw hole(origin, seq);
      if (seq > range.after) events.push({ ...place, previous });
      previous = place.chain;
    }
    return events;
  }

  /** Links of the rows from..to of one origin, those that are held. */
  async links(
    reader: Database['reader'],
    originId: number,
    from: number,
    to: number,
  ): Promise<Map<number, Buffer>> {
    const links = new Map<number, Buffer>();
    for (const name of [...this.#tables.keys(), 'replication_hidden']) {
      const rows = await reader.all<{ seq: number; chain: Buffer }>(
        `SELECT seq, chain FROM ${name} WHERE origin = ? AND seq BETWEEN ? AND ?`,
        [originId, from, to],
      );
      for (const { seq, chain } of rows) links.set(seq, chain);
    }
    return links;
  }

  async #places(
    reader: Database['reader'],
    origin: Origin,
    from: number,
    to: number,
  ): Promise<Map<number, Omit<StoredEvent, 'previous'>>> {
    const places = new Map<number, Omit<StoredEvent, 'previous'>>();
    for (const table of this.#tables.values()) {
      const rows = await reader.all<
        Record<string, SqlValue> & { seq: number; schema_version: number; chain: Buffer }
      >(`SELECT * FROM ${table.name} WHERE origin = ? AND seq BETWEEN ? AND ?`, [origin.id, from, to]);
      for (const row of rows) {
        places.set(row.seq, {
          origin: origin.name,
          seq: row.seq,
          schemaVersion: row.schema_version,
          table: table.name,
          chain: row.chain,
          bytes: table.encode(row as Row, row.schema_version),
          key: String(row[table.primaryKey]),
          time: String(row[table.createdAt]),
        });
      }
    }
    const hidden = await reader.all<{
      seq: number;
      table_name: string;
      schema_version: number;
      chain: Buffer;
      bytes: Buffer;
    }>(
      `SELECT seq, table_name, schema_version, chain, bytes FROM replication_hidden
       WHERE origin = ? AND seq BETWEEN ? AND ?`,
      [origin.id, from, to],
    );
    for (const { seq, table_name: table, schema_version: schemaVersion, chain, bytes } of hidden) {
      places.set(seq, { origin: origin.name, seq, schemaVersion, table, chain, bytes, key: '', time: '' });
    }
    return places;
  }

  async #insertOne(connection: Connection, row: PlacedRow): Promise<number> {
    const { table } = row;
    const [shown] = await connection.all<{ origin: number; name: string; seq: number; time: string }>(
      `SELECT r.origin, o.name, r.seq, r.${table.createdAt} AS time FROM ${table.name} r
       JOIN replication_origin o ON o.id = r.origin WHERE r.superseded = 0 AND r.${table.primaryKey} = ?`,
      [row.row[table.primaryKey] ?? null],
    );
    if (!shown) {
      await insertRows(connection, [row]);
      return 0;
    }
    const isNewShown = comesBefore(row, shown);
    if (isNewShown) {
      await connection.run(`UPDATE ${table.name} SET superseded = 1 WHERE origin = ? AND seq = ?`, [
        shown.origin,
        shown.seq,
      ]);
    }
    await insertRows(connection, [row], isNewShown ? 0 : 1);
    return 1;
  }
}

function comesBefore(row: PlacedRow, shown: { time: string; name: string; seq: number }): boolean {
  const time = String(row.row[row.table.createdAt]);
  if (time !== shown.time) return time < shown.time;
  if (row.originName !== shown.name) return row.originName < shown.name;
  return row.seq < shown.seq;
}

function hole(origin: Origin, seq: number): ReplicationError {
  return new ReplicationError({
    code: 'database-damaged',
    message: `Row ${seq} of ${origin.name} is missing although rows up to ${origin.seq} were stored.`,
    hint: 'The file was changed from outside or is damaged: keep it aside and rebuild the replica.',
  });
}
