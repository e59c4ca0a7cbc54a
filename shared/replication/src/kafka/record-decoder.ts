/**
 * Decoding records of the log at less cost.
 *
 * kafkajs copies the headers of a record for every further header, and counts in an arithmetic of its own where numbers
 * do: it was the largest piece of work on a record. This decoder gives the same record, but for headers that are called
 * like something that every object has, `constructor` for one: kafkajs takes those for headers that come twice. What it
 * does not know how to count is left to the decoder of kafkajs.
 */

/** What kafkajs decodes from, as far as it is used here. */
interface Decoder {
  readonly buffer: Buffer;
  offset: number;
  readInt8(): number;
  readVarInt(): number;
  readVarIntBytes(): Buffer | null;
  readVarIntString(): string | null;
}

/** What kafkajs knows of the batch that a record is in. */
interface BatchContext {
  readonly firstOffset?: string;
  readonly firstTimestamp?: string;
  readonly magicByte?: number;
  readonly isControlBatch?: boolean;
  readonly timestampType?: number;
  readonly maxTimestamp?: string;
}

type Header = Buffer | null;

/** Decodes one record. */
export type DecodeRecord = (decoder: Decoder, context?: BatchContext) => object;

/** The broker's time instead of the producer's; as kafkajs numbers it. */
const LOG_APPEND_TIME = 1;

/** Bytes of a variable length number that are counted here: 49 bits. */
const MAX_BYTES = 7;

/** The same decoder for less. */
export function decodeRecordsCheaply(decode: DecodeRecord): DecodeRecord {
  return (decoder, context = {}) => {
    const start = decoder.offset;
    const record = decodeRecord(decoder, context);
    if (record) return record;
    decoder.offset = start;
    return decode(decoder, context);
  };
}

/** The record, or nothing where a number is beyond what is counted here. */
function decodeRecord(decoder: Decoder, batchContext: BatchContext): object | undefined {
  const { magicByte, isControlBatch = false, timestampType, maxTimestamp } = batchContext;
  const firstOffset = Number(batchContext.firstOffset);
  const firstTimestamp = Number(batchContext.firstTimestamp);
  const attributes = decoder.readInt8();
  const timestampDelta = readVarLong(decoder);
  if (timestampDelta === undefined) return undefined;
  const isStampedByBroker = timestampType === LOG_APPEND_TIME && maxTimestamp;
  const timestamp = firstTimestamp + timestampDelta;
  const offset = firstOffset + decoder.readVarInt();
  if (![firstOffset, firstTimestamp, timestamp, offset].every(Number.isSafeInteger)) return undefined;
  const key = decoder.readVarIntBytes();
  const value = decoder.readVarIntBytes();
  return {
    magicByte,
    attributes,
    timestamp: isStampedByBroker ? maxTimestamp : String(timestamp),
    offset: String(offset),
    key,
    value,
    headers: readHeaders(decoder),
    isControlRecord: isControlBatch,
    batchContext,
  };
}

function readHeaders(decoder: Decoder): Record<string, Header | Header[]> {
  // Without a prototype, so that no name is taken before a header has it.
  const headers: Record<string, Header | Header[]> = Object.create(null);
  const count = decoder.readVarInt();
  if (count < -1) throw new RangeError(`a record cannot have ${count} headers`);
  for (let i = 0; i < count; i += 1) {
    const name = String(decoder.readVarIntString());
    const value = decoder.readVarIntBytes();
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else headers[name] = [before, value];
  }
  return headers;
}

function readVarLong(decoder: Decoder): number | undefined {
  let result = 0;
  let factor = 1;
  for (let bytes = 0; bytes < MAX_BYTES; bytes += 1) {
    // Behind the end kafkajs reads zeros.
    const byte = decoder.buffer[decoder.offset] ?? 0;
    decoder.offset += 1;
    result += (byte & 0x7f) * factor;
    factor *= 128;
    if (byte < 0x80) return result % 2 === 0 ? result / 2 : -(result + 1) / 2;
  }
  return undefined;
}
