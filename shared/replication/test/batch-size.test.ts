/**
 * How much goes out at once: as much as the bounds and the broker let, and what comes of rows that it does not take.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../src/surroundings.ts';
import {
  type ApplierBench,
  MemoryBroker,
  type MemoryBrokerOptions,
  note,
  PublisherBenches,
  publishAll,
  rowsInLog,
  writeNotes,
} from '../testing/index.ts';

let broker: MemoryBroker;
let benches: PublisherBenches;

function useBroker(options: MemoryBrokerOptions): void {
  broker = new MemoryBroker({ isStepped: true, ...options });
  benches = new PublisherBenches(broker);
}
beforeEach(() => useBroker({ partitions: 2, maxBytes: 10_000 }));
afterEach(() => benches.close());

describe('publishing', () => {
  it('bounds a batch by its bytes, and still sends a row that is larger by itself', async () => {
    const a = await benches.open('a', { maxBytes: 500 });
    const big = { ...note('big'), text: 'x'.repeat(1000) };
    await writeNotes(a, 'n1', 'n2', 'n3');
    await a.writer.insert(a.table('notes'), big);
    await writeNotes(a, 'n4');
    await publishAll(a);
    expect(rowsInLog(broker)).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5']);
    expect(broker.appends).toBeGreaterThanOrEqual(3);
  });

  it('halves a batch that the log finds too large until it goes through', async () => {
    useBroker({ maxBytes: 400 });
    const a = await benches.open('a');
    await writeNotes(a, ...Array.from({ length: 40 }, (_, i) => `n${i}`));
    await publishAll(a);
    expect(rowsInLog(broker)).toEqual(Array.from({ length: 40 }, (_, i) => `a:${i + 1}`));
  });

  it('keeps to the size that went through, for every origin, until the next contact', async () => {
    useBroker({ maxBytes: 400 });
    const a = await benches.open('a');
    const appends: number[] = [];
    const write40 = async (bench: ApplierBench, prefix: string): Promise<number> => {
      const before = broker.appends;
      await writeNotes(bench, ...Array.from({ length: 40 }, (_, i) => `${prefix}${i}`));
      const offsetsBefore = broker.allRecords().length;
      await publishAll(bench);
      appends.push(broker.appends - before);
      return broker.allRecords().length - offsetsBefore;
    };
    for (const prefix of ['m', 'n', 'o']) expect(await write40(a, prefix)).toBe(40);
    const [first = 0, second = 0, third = 0] = appends;
    expect([second, third]).toEqual([second, second]);
    expect(second).toBeLessThan(first);
    a.publisher.connected(broker.partitions);
    await write40(a, 'p');
    expect(appends[3]).toBe(first);
  });
});

describe('a single row that the broker finds too large', () => {
  it('is named once and in the status, waits with what is behind it, and goes out when the broker takes it', async () => {
    const lines: unknown[] = [];
    const logger = { ...silentLogger, error: (fields: object) => void lines.push(fields) };
    const first = await benches.open('a', { world: { logger } });
    await writeNotes(first, 'n1');
    await first.writer.insert(first.table('notes'), note('n2', 'x'.repeat(9000)));
    await writeNotes(first, 'n3');
    const { length: bytes } = first.table('notes').encode(note('n2', 'x'.repeat(9000)), 1);
    const row = { origin: first.own.name, seq: 2, bytes };
    broker.setMaxBytes(5000);
    for (let tries = 0; tries < 3; tries += 1) first.clock.advance(await publishAll(first));
    expect(rowsInLog(broker)).toEqual(['a:1']);
    expect(first.publisher.tooLarge()).toEqual([row]);
    expect(first.publisher.isLogReachable).toBe(true);
    expect(lines).toEqual([
      { code: 'event-too-large', ...row, hint: expect.stringContaining('This is a test') },
    ]);

    broker.setMaxBytes(10_000);
    first.clock.advance(10_000);
    await publishAll(first);
    expect(rowsInLog(broker)).toEqual(['a:1', 'a:2', 'a:3']);
    expect(first.publisher.tooLarge()).toEqual([]);
  });

  it('holds up no other run', async () => {
    const first = await benches.open('a');
    await first.writer.insert(first.table('notes'), note('n1', 'x'.repeat(9000)));
    const again = await benches.open('a', { file: first.file, run: 2 });
    broker.setMaxBytes(5000);
    await writeNotes(again, 'n2');
    await publishAll(again);
    expect(broker.allRecords().map(({ headers }) => String(headers.ce_origin))).toEqual([again.own.name]);
    expect(again.publisher.tooLarge()).toMatchObject([{ origin: first.own.name, seq: 1 }]);
    expect(again.publisher.unpublished()).toBe(2);
  });
});
