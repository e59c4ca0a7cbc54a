/**
 * What the log holds and ever held, looked at from outside: rows by origin and seq.
 */
import type { Chain } from '../src/chain.ts';
import { decodeRecord } from '../src/change-event.ts';
import type { LogRecord, OutgoingRecord } from '../src/change-log.ts';
import type { MemoryBroker } from '../testing/memory-broker.ts';
import type { TakenRecord } from './check-instant.ts';
import type { LoggedRows } from './ledger.ts';

/** Remembers a broker's log. */
export class LogMemory {
  readonly #broker: MemoryBroker;
  readonly #chain: Chain;
  readonly #ever = new Map<string, Set<number>>();
  /** Cut by retention from the log of now. */
  #cut: LogRecord[] = [];
  /** Records known already are not verified again. */
  readonly #places = new WeakMap<LogRecord, TakenRecord['place'] | 'none'>();

  constructor(options: { broker: MemoryBroker; chain: Chain }) {
    this.#broker = options.broker;
    this.#chain = options.chain;
  }

  /** The place of a record's row, where it is a genuine event. */
  placeOf(record: LogRecord): TakenRecord['place'] {
    let place = this.#places.get(record);
    if (place === undefined) {
      const { event } = decodeRecord(record, this.#chain);
      place = event ? { origin: event.origin, seq: event.seq } : 'none';
      this.#places.set(record, place);
    }
    return place === 'none' ? undefined : place;
  }

  /** The places of records that are on their way into the log. */
  placesOf(records: readonly OutgoingRecord[]): TakenRecord['place'][] {
    return records.map(({ key, value, headers }) => {
      const named = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]);
      const carried = { key: Buffer.from(key), value, headers: Object.fromEntries(named) };
      return this.placeOf({ offset: 0, timestampMs: 0, isMarker: false, ...carried });
    });
  }

  /** What the log holds now. */
  now(): LoggedRows {
    return this.#rowsOf(this.#broker.allRecords());
  }

  /** What retention took from the log of now. */
  cutRows(): LoggedRows {
    return this.#rowsOf(this.#cut);
  }

  /** Everything that the log ever held. Call it before records are taken away. */
  ever(): LoggedRows {
    for (const [origin, seqs] of this.now()) {
      const known = this.#ever.get(origin) ?? new Set();
      for (const seq of seqs) known.add(seq);
      this.#ever.set(origin, known);
    }
    return this.#ever;
  }

  /** Retention takes the records below `offset`. */
  cut(partition: number, offset: number): void {
    this.ever();
    this.#cut.push(...this.#broker.records(partition).filter((record) => record.offset < offset));
    this.#broker.retain(partition, offset);
  }

  /** The topic is deleted and made anew. */
  recreate(options: { areReadersInterrupted: boolean }): void {
    this.ever();
    this.#cut = [];
    this.#broker.recreate(options);
  }

  /** The tail from `offset` on is lost. */
  truncate(partition: number, offset: number): void {
    this.ever();
    this.#broker.truncate(partition, offset);
  }

  #rowsOf(records: readonly LogRecord[]): LoggedRows {
    const rows = new Map<string, Set<number>>();
    for (const record of records) {
      const place = record.isMarker ? undefined : this.placeOf(record);
      if (!place) continue;
      const seqs = rows.get(place.origin) ?? new Set();
      seqs.add(place.seq);
      rows.set(place.origin, seqs);
    }
    return rows;
  }
}
