/**
 * A change event: one inserted row on the wire.
 *
 *   key                 the row's own primary key
 *   value               the canonical bytes of the row, exactly what the chain covers
 *   ce_specversion      1.0                      ce_type          <table>.inserted
 *   ce_id               <origin>:<seq>           ce_source        /<cluster>/<replicaId>
 *   ce_time             the row's createdAt      content-type     application/json
 *   ce_origin, ce_seq   place in the origin      ce_schemaversion version the row was written in
 *   ce_previous         link of the row before   ce_chain         link of this row (both hex)
 *   traceparent         the request it came with, where that is known; see trace-parent.ts
 *
 * That is CloudEvents 1.0 in Kafka's binary mode with five extensions. An event is genuine if its own link
 * verifies; this is judged on the bytes, before anything is parsed. Whether it fits is the applier's question.
 */
import type { Chain } from './chain.ts';
import type { LogRecord, OutgoingRecord } from './change-log.ts';
import { isOrigin, replicaOf } from './origin.ts';

/** One genuine row in flight, its value not yet parsed. */
export interface ChangeEvent {
  readonly origin: string;
  readonly seq: number;
  readonly schemaVersion: number;
  readonly table: string;
  readonly previous: Buffer;
  readonly chain: Buffer;
  /** Canonical bytes of the row. */
  readonly bytes: Buffer;
}

/** What an event needs besides itself to become a record. */
export interface EventEnvelope {
  readonly cluster: string;
  readonly key: string;
  /** ISO 8601. */
  readonly time: string;
  /** Absent where the row came without one, or is read back from its table. */
  readonly traceParent?: string | undefined;
}

/** A record read from the log: ours, or the reason why it is not. */
export type DecodedRecord =
  | { readonly event: ChangeEvent; readonly refusal?: undefined }
  | { readonly event?: undefined; readonly refusal: string };

/** Turns an event into the record that carries it. */
export function encodeEvent(event: ChangeEvent, envelope: EventEnvelope): OutgoingRecord {
  return {
    key: envelope.key,
    value: event.bytes,
    headers: {
      ce_specversion: '1.0',
      ce_id: `${event.origin}:${event.seq}`,
      ce_source: `/${envelope.cluster}/${replicaOf(event.origin)}`,
      ce_type: `${event.table}.inserted`,
      ce_time: envelope.time,
      ce_origin: event.origin,
      ce_seq: String(event.seq),
      ce_schemaversion: String(event.schemaVersion),
      ce_previous: event.previous.toString('hex'),
      ce_chain: event.chain.toString('hex'),
      'content-type': 'application/json',
      ...(envelope.traceParent === undefined ? {} : { traceparent: envelope.traceParent }),
    },
  };
}

/**
 * Reads a record and verifies its link. Never throws, whatever the bytes are. What `isKnown` recognises in all its parts
 * was verified before.
 */
export function decodeRecord(
  record: LogRecord,
  chain: Chain,
  isKnown: (event: ChangeEvent) => boolean = () => false,
): DecodedRecord {
  const header = (name: string): string => record.headers[name]?.toString('latin1') ?? '';
  if (record.unreadable) return { refusal: unreadable(record, record.unreadable) };
  if (record.value === null) return { refusal: 'it has no value' };
  if (header('ce_specversion') !== '1.0') return { refusal: 'it is not a CloudEvents 1.0 record' };
  const origin = header('ce_origin');
  if (!isOrigin(origin)) return { refusal: 'ce_origin is not the name of an origin' };
  const seq = positiveInteger(header('ce_seq'));
  if (seq === undefined) return { refusal: 'ce_seq is not a positive integer' };
  const schemaVersion = positiveInteger(header('ce_schemaversion'));
  if (schemaVersion === undefined || schemaVersion > 0xffff_ffff) {
    return { refusal: 'ce_schemaversion is not a schema version' };
  }
  const table = /^([a-z][a-z0-9_]{0,47})\.inserted$/.exec(header('ce_type'))?.[1];
  if (table === undefined) return { refusal: 'ce_type is not an insert into a table' };
  const previous = link(header('ce_previous'));
  const own = link(header('ce_chain'));
  if (previous === undefined || own === undefined) return { refusal: 'it carries no chain links' };
  const event = { origin, seq, schemaVersion, table, previous, chain: own, bytes: record.value };
  if (!isKnown(event) && !chain.verify(own, previous, event)) {
    return { refusal: 'its link does not verify: changed on the way, or made without the cluster secret' };
  }
  return { event };
}

/** The code comes first: what reads the list of quarantined records may look for it. */
function unreadable({ offset }: LogRecord, { next, why }: NonNullable<LogRecord['unreadable']>): string {
  return `log-unreadable: the batch with offsets ${offset}..${next - 1} cannot be decoded (${why})`;
}

function positiveInteger(text: string): number | undefined {
  if (!/^[1-9][0-9]{0,15}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

function link(text: string): Buffer | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? Buffer.from(text, 'hex') : undefined;
}
