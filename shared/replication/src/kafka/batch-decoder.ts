/**
 * Decoding batches of the log without ending at the first that cannot be decoded.
 *
 * kafkajs throws the whole answer away where one batch in it is of a codec that it lacks or is damaged, so a reader
 * never gets past it. Around its decoder, such a batch becomes one message without content that says which offsets it
 * stands for: the head of a batch is readable whatever its records are. What to make of it is decided further up.
 */
import { errorText } from '../errors.ts';

/** What kafkajs decodes from: a buffer, and how far it has been read. */
interface Cursor {
  readonly buffer: Buffer;
  readonly offset: number;
}

/** A batch as kafkajs hands it on, as far as it matters here. */
interface DecodedBatch {
  readonly records: readonly object[];
}

type DecodeBatch = (fetched: Cursor) => Promise<DecodedBatch>;

/** What is known of a batch that could not be decoded. */
export interface UnreadableBatch {
  readonly firstOffset: number;
  readonly why: string;
}

/**
 * Head of a record batch:
 *   firstOffset int64, length int32, leaderEpoch int32, magic int8, crc int32, attributes int16, lastOffsetDelta int32,
 *   firstTimestamp int64, ...
 */
const AT = { firstOffset: 0, lastOffsetDelta: 23, end: 61 } as const;

/** Offsets of one batch that are believed; more are a damaged head. */
const MAX_OFFSETS = 1 << 20;

/** Kafka cuts the last batch of an answer short: that one is asked for again, and is no error. */
const CUT_SHORT = 'KafkaJSPartialMessageError';

/** The same decoder, for which a batch that cannot be decoded is a message with `unreadable`. */
export function decodeEveryBatch(decode: DecodeBatch): DecodeBatch {
  return async (fetched) => {
    const head = headOf(fetched);
    try {
      return await decode(fetched);
    } catch (error) {
      if (!head || (error as { name?: unknown }).name === CUT_SHORT) throw error;
      const { firstOffset, lastOffset } = head;
      const unreadable: UnreadableBatch = { firstOffset, why: errorText(error) };
      // kafkajs goes on behind the offset of the last message.
      const message = {
        offset: String(lastOffset),
        timestamp: '0',
        attributes: 0,
        key: null,
        value: null,
        headers: {},
        isControlRecord: false,
        batchContext: { producerId: '-1', inTransaction: false },
        unreadable,
      };
      return { records: [message] };
    }
  };
}

function headOf({ buffer, offset }: Cursor): { firstOffset: number; lastOffset: number } | undefined {
  if (buffer.length < offset + AT.end) return undefined;
  const firstOffset = Number(buffer.readBigInt64BE(offset + AT.firstOffset));
  const delta = buffer.readInt32BE(offset + AT.lastOffsetDelta);
  if (firstOffset < 0 || !Number.isSafeInteger(firstOffset) || delta < 0 || delta >= MAX_OFFSETS)
    return undefined;
  return { firstOffset, lastOffset: firstOffset + delta };
}
