/**
 * The own tail: the rows that this run committed last, still in memory until they were read back from the log.
 *
 *   commit -> add -> published from here -> what comes back is compared with it -> dropped
 *
 * It spares a row the way back from the disk, and being encoded and hashed again, once to be published and once when
 * it comes back. The table stays the outbox: whatever is not here is read from there, after a crash everything.
 */
import type { ChangeEvent } from './change-event.ts';
import type { StoredEvent } from './history.ts';
import type { WrittenRow } from './writer.ts';

/** Bounds of what is kept. */
export interface OwnTailBounds {
  readonly rows: number;
  /** Bytes of the rows' canonical form. */
  readonly bytes: number;
}

/** Eight appends of the default size. */
const defaultBounds: OwnTailBounds = { rows: 4000, bytes: 4_194_304 };

/** The last rows of one run, without a hole. */
export class OwnTail {
  readonly #own: string;
  readonly #bounds: OwnTailBounds;
  /** By seq, in order. */
  readonly #events = new Map<number, StoredEvent>();
  #bytes = 0;

  constructor(own: string, bounds: OwnTailBounds = defaultBounds) {
    this.#own = own;
    this.#bounds = bounds;
  }

  /** Rows held. */
  get size(): number {
    return this.#events.size;
  }

  /** Rows of this run were committed, in order. Past the bounds the oldest go. */
  add(rows: readonly WrittenRow[]): void {
    for (const written of rows) {
      const {
        table,
        row,
        originName: origin,
        seq,
        schemaVersion,
        previous,
        chain,
        bytes,
        traceParent,
      } = written;
      const key = String(row[table.primaryKey]);
      const time = String(row[table.createdAt]);
      const event = { origin, seq, schemaVersion, table: table.name, previous, chain, bytes, key, time };
      this.#events.set(seq, traceParent === undefined ? event : { ...event, traceParent });
      this.#bytes += bytes.length;
    }
    this.#dropWhile(() => this.#events.size > this.#bounds.rows || this.#bytes > this.#bounds.bytes);
  }

  /** The events right behind `after` of the run `name`, in order, at most `limit`; none where the next one is not here. */
  after(name: string, { after, limit }: { after: number; limit: number }): StoredEvent[] {
    const events: StoredEvent[] = [];
    if (name !== this.#own) return events;
    for (let seq = after + 1; events.length < limit; seq += 1) {
      const event = this.#events.get(seq);
      if (!event) break;
      events.push(event);
    }
    return events;
  }

  /** True when the event is, in everything that its link covers and in its link, a row that this run wrote. */
  holds(event: ChangeEvent): boolean {
    const written = event.origin === this.#own ? this.#events.get(event.seq) : undefined;
    return (
      written !== undefined &&
      written.schemaVersion === event.schemaVersion &&
      written.table === event.table &&
      written.previous.equals(event.previous) &&
      written.chain.equals(event.chain) &&
      written.bytes.equals(event.bytes)
    );
  }

  /** Rows up to `seq` of the run `name` were read back: nobody asks for them any more. */
  readBack(name: string, seq: number): void {
    if (name === this.#own) this.#dropWhile((oldest) => oldest <= seq);
  }

  #dropWhile(isTooMuch: (oldest: number) => boolean): void {
    for (const [seq, { bytes }] of this.#events) {
      if (!isTooMuch(seq)) return;
      this.#events.delete(seq);
      this.#bytes -= bytes.length;
    }
  }
}
