/**
 * What every `ChangeLog` has to do, whatever is behind it. Runs on the log in memory and on Apache Kafka, so that
 * what the other tests find out on the one is true of the other.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeLog, Following } from '../../src/change-log.ts';
import { followingConformance } from './following-conformance.ts';
import { Collector, LogContext, type LogGround, outgoing, PARTITIONS, TOO_MANY_BYTES } from './log-ground.ts';

/** Declares the suite for one kind of log. */
export function changeLogConformance(name: string, makeGround: () => Promise<LogGround>): void {
  followingConformance(name, makeGround);

  describe(`the change log ${name}`, () => {
    let context: LogContext;
    let ground: LogGround;
    let log: ChangeLog;
    const follow = (reader: Collector): Promise<Following> => context.follow(reader);

    beforeEach(async () => {
      context = await LogContext.open(makeGround);
      ({ ground, log } = context);
    });
    afterEach(() => context.close());

    describe('opening', () => {
      it('creates the topic once and says how many partitions it has', async () => {
        expect(await ground.connect().log.open()).toEqual({ partitions: PARTITIONS });
        expect(await log.open()).toEqual({ partitions: PARTITIONS });
      });

      it('finds an empty topic that begins and ends at 0', async () => {
        const offsets = [...(await log.offsets())].sort((a, b) => a.partition - b.partition);
        expect(offsets).toEqual(
          Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, low: 0, end: 0 })),
        );
      });
    });

    describe('appending', () => {
      it('keeps the order of a batch and says the offset of its last record', async () => {
        expect(await log.append(1, outgoing('a', 'b', 'c'))).toEqual({ lastOffset: 2 });
        expect(await log.append(1, outgoing('d'))).toEqual({ lastOffset: 3 });
        expect(await log.append(2, outgoing('x'))).toEqual({ lastOffset: 0 });
        const ends = (await log.offsets()).map(({ partition, end }) => [partition, end]);
        expect(Object.fromEntries(ends)).toEqual({ 0: 0, 1: 4, 2: 1 });
        const reader = new Collector();
        await follow(reader);
        await reader.hasRead(1, 4);
        expect(reader.values(1)).toEqual(['a', 'b', 'c', 'd']);
      });

      it('keeps keys, values and headers byte for byte, and gives each record a time', async () => {
        const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
        await log.append(0, [{ key: 'kü', value, headers: { one: 'ü', two: '' } }]);
        const reader = new Collector();
        await follow(reader);
        await reader.hasRead(0, 1);
        const [record] = reader.records(0);
        expect(record?.key?.toString()).toBe('kü');
        expect(record?.value?.equals(value)).toBe(true);
        expect(record?.headers.one?.toString('utf8')).toBe('ü');
        expect(record?.headers.two).toEqual(Buffer.alloc(0));
        expect(Math.abs((record?.timestampMs ?? 0) - Date.now())).toBeLessThan(60_000);
      });

      it('refuses a batch that is too large with its own code, stores nothing of it, and goes on', async () => {
        const big = Array.from({ length: 3 }, () => ({
          key: 'k',
          value: Buffer.alloc(TOO_MANY_BYTES / 3, 120),
          headers: {},
        }));
        await expect(log.append(0, big)).rejects.toMatchObject({ code: 'event-too-large' });
        expect(await log.append(0, outgoing('small'))).toEqual({ lastOffset: 0 });
      });
    });

    describe('a broker that is away', () => {
      it('is told as `log-unreachable`, to be tried again, within seconds, by every call', async () => {
        const { log: nobody } = ground.connectToNobody();
        const calls = [
          () => nobody.open(),
          () => nobody.offsets(),
          () => nobody.append(0, outgoing('x')),
          () => nobody.follow(new Collector()),
        ];
        const startedMs = performance.now();
        for (const call of calls) {
          await expect(call()).rejects.toMatchObject({ code: 'log-unreachable', isRetryable: true });
        }
        expect(performance.now() - startedMs).toBeLessThan(30_000);
        await nobody.close();
      });
    });
  });
}
