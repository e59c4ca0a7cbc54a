import { describe, expect, it } from 'vitest';
import { decodeEveryBatch } from '../../src/kafka/batch-decoder.ts';

/** The head of a batch behind some other bytes, as it stands in an answer of the broker. */
function batch(firstOffset: bigint, lastOffsetDelta: number): { buffer: Buffer; offset: number } {
  const buffer = Buffer.alloc(100);
  const offset = 7;
  buffer.writeBigInt64BE(firstOffset, offset);
  buffer.writeInt32BE(lastOffsetDelta, offset + 23);
  return { buffer, offset };
}

const failing = (name: string) =>
  decodeEveryBatch(() => Promise.reject(Object.assign(new Error('no such codec'), { name })));

describe('a batch of the log', () => {
  it('that can be decoded is handed on as it is', async () => {
    const decoded = { records: [{ offset: '5' }] };
    const decode = decodeEveryBatch(() => Promise.resolve(decoded));
    expect(await decode(batch(5n, 0))).toBe(decoded);
  });

  it('that cannot be decoded is one message that ends where the batch does, and says where it begins', async () => {
    const { records } = await failing('KafkaJSNotImplemented')(batch(40n, 9));
    expect(records).toMatchObject([
      { offset: '49', key: null, value: null, unreadable: { firstOffset: 40, why: 'no such codec' } },
    ]);
  });

  it('that was cut short is asked for again, as before', async () => {
    const cut = failing('KafkaJSPartialMessageError')(batch(40n, 9));
    await expect(cut).rejects.toMatchObject({ name: 'KafkaJSPartialMessageError' });
  });

  it.each([
    ['a negative number of offsets', batch(40n, -1)],
    ['more offsets than any batch has', batch(40n, 1 << 30)],
    ['a negative offset', batch(-3n, 1)],
    ['fewer bytes than a head has', { buffer: Buffer.alloc(30), offset: 0 }],
  ])('whose head says %s is not believed', async (_, cursor) => {
    await expect(failing('RangeError')(cursor)).rejects.toThrow('no such codec');
  });
});
