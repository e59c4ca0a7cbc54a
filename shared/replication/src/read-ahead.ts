/**
 * Reading ahead: what records say, read once, and while the piece before them is being stored where they are in hand
 * already: then the disk is busy and this thread is not.
 *
 * Nothing is decided here: whether a link verifies and what a row's bytes stand for does not depend on what is stored.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Chain } from './chain.ts';
import { type ChangeEvent, type DecodedRecord, decodeRecord } from './change-event.ts';
import type { LogRecord } from './change-log.ts';
import type { History } from './history.ts';
import type { OwnTail } from './own-tail.ts';
import type { Row, Table } from './table.ts';

/** Records read in one turn of the event loop: about a millisecond, so that the commit goes on in between. */
const RECORDS_A_TURN = 50;

/** Reads records; what was read ahead is kept until the next look. Not by weak references: they cost as much as the reading. */
export class ReadAhead {
  readonly #parts: { readonly chain: Chain; readonly history: History; readonly ownTail: OwnTail };
  readonly #records = new Map<LogRecord, DecodedRecord>();
  readonly #rows = new Map<ChangeEvent, Row>();

  constructor(parts: { chain: Chain; history: History; ownTail: OwnTail }) {
    this.#parts = parts;
  }

  /** What a record is; see `decodeRecord`. */
  record(record: LogRecord): DecodedRecord {
    const { chain, ownTail } = this.#parts;
    return this.#records.get(record) ?? decodeRecord(record, chain, (event) => ownTail.holds(event));
  }

  /** The row of an event of `table`. @throws `invalid-row`. */
  row(event: ChangeEvent, table: Table): Row {
    return this.#rows.get(event) ?? table.decode(event.bytes, event.schemaVersion);
  }

  /** Reads records that are asked for next, until all are read or `isOver`. Never fails. */
  async look(records: readonly LogRecord[], isOver: () => boolean): Promise<void> {
    this.#records.clear();
    this.#rows.clear();
    for (let start = 0; start < records.length; start += RECORDS_A_TURN) {
      await turn();
      if (isOver()) return;
      for (const record of records.slice(start, start + RECORDS_A_TURN)) this.#read(record);
    }
  }

  #read(record: LogRecord): void {
    if (record.isMarker) return;
    const decoded = this.record(record);
    this.#records.set(record, decoded);
    const { event } = decoded;
    const table = event && this.#parts.history.table(event.table);
    if (!table || this.#parts.ownTail.holds(event)) return;
    try {
      this.#rows.set(event, this.row(event, table));
    } catch {
      // Whatever it is, a rule of the service that throws included: whoever asks for the row is told.
    }
  }
}
