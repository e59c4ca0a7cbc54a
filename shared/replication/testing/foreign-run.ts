/**
 * A run of a replica that is not there: makes genuine events with the cluster's secret, in any order and of any kind.
 */
import { type Chain, createChain, GENESIS } from '../src/chain.ts';
import { type ChangeEvent, encodeEvent } from '../src/change-event.ts';
import type { LogRecord } from '../src/change-log.ts';
import { defineTable, type Row, type Table } from '../src/table.ts';
import { notes } from './notes-table.ts';

/** Name and secret of the cluster of the tests. */
export const testCluster = { cluster: 'test', secret: 'a secret of sixteen and more' };

/** The chain of that cluster. */
export const testChain: Chain = createChain(testCluster);

/** What any producer can append. */
export type RawRecord = Pick<LogRecord, 'key' | 'value' | 'headers'>;

/** What `write` may be told besides the row. */
export interface WriteOptions {
  readonly table?: Table;
  readonly schemaVersion?: number;
  /** Bytes instead of the row's canonical ones. */
  readonly bytes?: Buffer;
}

const notesTable = defineTable(notes);

/** One run somewhere else; its events are linked in the order in which they are written. */
export class ForeignRun {
  readonly origin: string;
  readonly #chain: Chain;
  #seq: number;
  #previous: Buffer;

  constructor(origin: string, options: { chain?: Chain; after?: ChangeEvent } = {}) {
    this.origin = origin;
    this.#chain = options.chain ?? testChain;
    this.#seq = options.after?.seq ?? 0;
    this.#previous = options.after?.chain ?? GENESIS;
  }

  /** The next event of the run. */
  write(row: Row, options: WriteOptions = {}): ChangeEvent {
    const { table = notesTable, schemaVersion = 1 } = options;
    const bytes = options.bytes ?? table.encode(table.check(row), schemaVersion);
    this.#seq += 1;
    const linked = { origin: this.origin, seq: this.#seq, schemaVersion, table: table.name, bytes };
    const event = { ...linked, previous: this.#previous, chain: this.#chain.link(this.#previous, linked) };
    this.#previous = event.chain;
    return event;
  }
}

/** The record that carries an event, as a producer would append it. */
export function rawRecord(event: ChangeEvent, key = 'key'): RawRecord {
  const time = '2026-01-02T03:04:05.678Z';
  const { value, headers } = encodeEvent(event, { cluster: testCluster.cluster, key, time });
  const asBuffers = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]);
  return { key: Buffer.from(key), value, headers: Object.fromEntries(asBuffers) };
}

/** The record that carries an event, as it stands in the log at `offset`. */
export function recordAt(offset: number, event: ChangeEvent): LogRecord {
  return { ...rawRecord(event), offset, isMarker: false, timestampMs: 1_700_000_000_000 + offset };
}

/** An origin's name for tests: a later `run` (0..9) sorts behind an earlier one. */
export function originName(replicaId: string, run = 1): string {
  return `${replicaId}.01J0000000000000000000000${run}`;
}
