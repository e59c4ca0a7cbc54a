/**
 * The decoder of records held against that of kafkajs, on bytes that kafkajs itself has encoded, and on damaged ones.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { protocolPart } from '../../src/kafka/kafka.ts';
import { type DecodeRecord, decodeRecordsCheaply } from '../../src/kafka/record-decoder.ts';

interface Bytes {
  readonly buffer: Buffer;
}
interface Encoder extends Bytes {
  writeEncoder(encoder: Encoder): Encoder;
}
type Decoder = Parameters<DecodeRecord>[0] & { readVarLong(): unknown };

const Encoder = protocolPart<new () => Encoder>('encoder.js');
const Decoder = protocolPart<new (buffer: Buffer) => Decoder>('decoder.js');
const encodeRecord = protocolPart<(record: Made) => Encoder>('recordBatch/record/v0/index.js');
const theirs = protocolPart<DecodeRecord>('recordBatch/record/v0/decoder.js');

let isTheirs = false;
const ours = decodeRecordsCheaply((decoder, context) => {
  isTheirs = true;
  return theirs(decoder, context);
});

interface Made {
  offsetDelta: number;
  timestampDelta: number;
  key: Buffer | null;
  value: Buffer | null;
  headers: Record<string, string | string[]>;
}

/** Bytes of a record without the length before it, as a batch hands them to the decoder. */
function encoded(made: Made): Buffer {
  const { buffer } = new Encoder().writeEncoder(encodeRecord(made));
  return new Decoder(buffer).readVarIntBytes() ?? Buffer.alloc(0);
}

const batch = {
  firstOffset: '4000000000',
  firstTimestamp: '1770000000000',
  magicByte: 2,
  isControlBatch: false,
  timestampType: 0,
  maxTimestamp: '1770000000999',
};

/** What a decoder makes of bytes: a record, or the kind of its failure. Objects without a prototype count as others. */
function outcome(decode: DecodeRecord, bytes: Buffer, context: object): unknown {
  try {
    const record = decode(new Decoder(bytes), context) as { headers: object };
    return { ...record, headers: { ...record.headers } };
  } catch (error) {
    return (error as Error).name;
  }
}

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const name = fc.oneof(fc.constantFrom('ce_id', 'ce_seq', 'x'), fc.string({ minLength: 1, maxLength: 12 }));
const isPlain = (key: string): boolean => !(key in {});
const made: fc.Arbitrary<Made> = fc.record({
  offsetDelta: fc.integer({ min: 0, max: 100_000 }),
  timestampDelta: fc.integer({ min: -1_000_000_000_000, max: 1_000_000_000_000 }),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(
    name.filter(isPlain),
    fc.oneof(fc.string(), fc.array(fc.string(), { minLength: 2 })),
  ),
});

describe('the decoder of records', () => {
  it('gives what that of kafkajs gives', () => {
    isTheirs = false;
    fc.assert(
      fc.property(made, fc.constantFrom(0, 1), (record, timestampType) => {
        const [record_, context] = [encoded(record), { ...batch, timestampType }];
        expect(outcome(ours, record_, context)).toEqual(outcome(theirs, record_, context));
      }),
      { numRuns: 300 },
    );
    expect(isTheirs).toBe(false);
  });

  it('gives what that of kafkajs gives of bytes that are damaged or cut', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(made, damage, fc.nat(), (record, changes, cut) => {
        const damaged = Buffer.from(encoded(record));
        for (const [at, byte] of changes) damaged[at % damaged.length] = byte;
        const left = damaged.subarray(0, (cut % damaged.length) + 1);
        // A number of headers that kafkajs would try for minutes is not one of a record of this size.
        if (hasManyHeaders(left)) return;
        expect(outcome(ours, left, batch)).toEqual(outcome(theirs, left, batch));
      }),
      { numRuns: 500 },
    );
  });

  it('leaves numbers to kafkajs that it does not count itself', () => {
    const record = encoded({ offsetDelta: 1, timestampDelta: 0, key: null, value: null, headers: {} });
    for (const firstTimestamp of ['9223372036854775807', '-9223372036854775808']) {
      isTheirs = false;
      expect(outcome(ours, record, { ...batch, firstTimestamp })).toEqual(
        outcome(theirs, record, { ...batch, firstTimestamp }),
      );
      expect(isTheirs).toBe(true);
    }
  });

  it.each(['constructor', 'toString', '__proto__'])('takes a header called %s for what it is', (odd) => {
    const headers = JSON.parse(`{"${odd}":"x"}`);
    const record = encoded({ offsetDelta: 1, timestampDelta: 0, key: null, value: null, headers });
    const decoded = ours(new Decoder(record), batch) as { headers: Record<string, Buffer> };
    expect(Object.entries(decoded.headers)).toEqual([[odd, Buffer.from('x')]]);
  });
});

function hasManyHeaders(record: Buffer): boolean {
  const decoder = new Decoder(record);
  try {
    decoder.readInt8();
    decoder.readVarLong();
    decoder.readVarInt();
    decoder.readVarIntBytes();
    decoder.readVarIntBytes();
    return decoder.readVarInt() > 100;
  } catch {
    return false;
  }
}
