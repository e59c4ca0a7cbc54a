/**
 * What reading a `ChangeLog` has to be like: the part of the conformance suite about `follow`.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeLog, Following } from '../../src/change-log.ts';
import { waitUntil } from '../../testing/index.ts';
import {
  Collector,
  LogContext,
  type LogGround,
  numbered,
  outgoing,
  PARTITIONS,
  PIECE,
} from './log-ground.ts';

/** Declares the suite for one kind of log. */
export function followingConformance(name: string, makeGround: () => Promise<LogGround>): void {
  describe(`reading the change log ${name}`, () => {
    let context: LogContext;
    let ground: LogGround;
    let log: ChangeLog;
    const follow = (reader: Collector): Promise<Following> => context.follow(reader);

    beforeEach(async () => {
      context = await LogContext.open(makeGround);
      ({ ground, log } = context);
    });
    afterEach(() => context.close());

    describe('following', () => {
      it('starts each partition where the reader says and gives every record once, in order', async () => {
        for (const partition of [0, 1])
          await log.append(partition, outgoing(...numbered(35, `p${partition}-`)));
        const reader = new Collector();
        reader.starts.set(1, 12);
        await follow(reader);
        await reader.hasRead(0, 35);
        await reader.hasRead(1, 35);
        expect(reader.values(0)).toEqual(numbered(35, 'p0-'));
        expect(reader.values(1)).toEqual(numbered(35, 'p1-').slice(12));
      });

      it('gives pieces of bounded size, each of which begins where the one before ended', async () => {
        await log.append(0, outgoing(...numbered(57)));
        const reader = new Collector();
        reader.starts.set(0, 3);
        await follow(reader);
        await reader.hasRead(0, 57);
        let from = 3;
        for (const read of reader.reads.filter(({ partition }) => partition === 0)) {
          expect(read.from).toBe(from);
          expect(read.records.length).toBeLessThanOrEqual(PIECE);
          expect(read.next).toBe((read.records.at(-1)?.offset ?? 0) + 1);
          expect(read.end).toBeGreaterThanOrEqual(read.next);
          from = read.next;
        }
        expect(from).toBe(57);
      });

      it('takes one piece at a time', async () => {
        for (const partition of [0, 1, 2]) await log.append(partition, outgoing(...numbered(25)));
        let running = 0;
        let most = 0;
        const reader = new Collector();
        reader.answer = async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise<void>((resolve) => setImmediate(resolve));
          running -= 1;
          return 'go on' as const;
        };
        await follow(reader);
        for (const partition of [0, 1, 2]) await reader.hasRead(partition, 25);
        expect(most).toBe(1);
      });

      it('goes on with what is appended meanwhile, by others too', async () => {
        const reader = new Collector();
        await follow(reader);
        await log.append(0, outgoing('mine'));
        const other = ground.connect().log;
        await other.open();
        await other.append(0, outgoing('theirs'));
        await reader.hasRead(0, 2);
        expect(reader.values(0)).toEqual(['mine', 'theirs']);
      });

      it("asks again where to start, and continues there, when the reader says 'seek'", async () => {
        await log.append(0, outgoing(...numbered(25)));
        await log.append(1, outgoing('other'));
        const reader = new Collector();
        let refused = 0;
        reader.answer = (read) => {
          if (read.partition !== 0 || refused >= 2) return 'go on';
          refused += 1;
          reader.starts.set(0, refused === 1 ? 20 : 5);
          return 'seek';
        };
        await follow(reader);
        await reader.hasRead(1, 1);
        const froms = () => reader.reads.filter(({ partition }) => partition === 0).map(({ from }) => from);
        // The second read that is refused ends at 25, too: what counts is the third.
        await waitUntil('it was sought twice, and read on', () => froms().length >= 3, 30_000);
        await reader.hasRead(0, 25);
        expect(froms().slice(0, 3)).toEqual([0, 20, 5]);
        expect(reader.values(0).slice(-20)).toEqual(numbered(25).slice(5));
      });

      it.each([
        ['seek', 1],
        ['seek all', 2],
      ] as const)(
        "asks where to start of the partition of the read, or of all: '%s'",
        async (answer, again) => {
          for (const partition of [0, 1]) await log.append(partition, outgoing(...numbered(5)));
          const reader = new Collector();
          await follow(reader);
          for (const partition of [0, 1]) await reader.hasRead(partition, 5);
          for (const partition of [0, 1]) reader.starts.set(partition, 2);
          let isRefused = false;
          reader.answer = ({ partition }) => {
            if (partition !== 0 || isRefused) return 'go on';
            isRefused = true;
            return answer;
          };
          const before = reader.reads.length;
          await log.append(0, outgoing('refused'));
          await waitUntil('it reads again', () => reader.reads.slice(before + 1).length >= again, 30_000);
          await log.append(1, outgoing('last'));
          await reader.hasRead(1, 6);
          const since = reader.reads.slice(before + 1);
          const [first] = since.filter(({ partition }) => partition === 1);
          expect(since.find(({ partition }) => partition === 0)?.from).toBe(2);
          expect(first?.from).toBe(answer === 'seek' ? 5 : 2);
        },
      );

      it('asks again where to start when it is told to seek', async () => {
        await log.append(0, outgoing(...numbered(5)));
        const reader = new Collector();
        const following = await follow(reader);
        await reader.hasRead(0, 5);
        reader.starts.set(0, 3);
        following.seek();
        await waitUntil('it reads again from 3', () => reader.reads.at(-1)?.from === 3, 30_000);
        expect(reader.values(0).slice(-2)).toEqual(['v3', 'v4']);
      });

      it('resets to the earliest, without a word, where the start is out of range', async () => {
        await log.append(0, outgoing(...numbered(8)));
        await ground.retain(0, 4);
        expect((await log.offsets()).find(({ partition }) => partition === 0)).toMatchObject({
          low: 4,
          end: 8,
        });
        for (const start of [1, 100]) {
          const reader = new Collector();
          reader.starts.set(0, start);
          const following = await follow(reader);
          await reader.hasRead(0, 8);
          expect(reader.reads[0]?.from).toBe(4);
          expect(reader.values(0)).toEqual(numbered(8).slice(4));
          await following.stop();
        }
      });
    });

    describe("a stranger's transaction", () => {
      it.each(['commit', 'abort'] as const)(
        'that ends with %s leaves records and a marker, and no gap',
        async (end) => {
          await log.append(0, outgoing('before'));
          await ground.transact(0, ['s1', 's2'], end);
          await log.append(0, outgoing('after'));
          const reader = new Collector();
          await follow(reader);
          await reader.hasRead(0, 5);
          expect(reader.values(0)).toEqual(['before', 's1', 's2', '-', 'after']);
          expect(reader.records(0).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4]);
          expect(reader.records(0)[3]).toMatchObject({ isMarker: true, key: null, value: null, headers: {} });
        },
      );

      it('whose marker is the last thing in the log does not keep the reader from its end', async () => {
        await log.append(0, outgoing('before'));
        await ground.transact(0, ['s1'], 'commit');
        const reader = new Collector();
        reader.starts.set(0, 1);
        await follow(reader);
        await reader.hasRead(0, 3);
        expect(reader.values(0)).toEqual(['s1', '-']);
        const atMarker = new Collector();
        atMarker.starts.set(0, 2);
        await follow(atMarker);
        await atMarker.hasRead(0, 3);
        expect(atMarker.values(0)).toEqual(['-']);
        expect(atMarker.reads.find(({ partition }) => partition === 0)?.from).toBe(2);
      });
    });

    describe('a topic that is made anew', () => {
      it('may tell its reader nothing: it goes on at its old place or at the start, unless it is interrupted', async () => {
        await log.append(0, outgoing(...numbered(5)));
        const reader = new Collector();
        await follow(reader);
        await reader.hasRead(0, 5);
        const { asked } = reader;
        // Asked again, it would start at the old place, too.
        reader.starts.set(0, 5);
        const before = reader.reads.length;
        await ground.recreate();
        const other = ground.connect().log;
        await waitUntil('it is there again', () => other.open().then(() => true, String), 30_000);
        // More than there were: the old place lies within the new topic.
        // Offsets are used again, from 0 on.
        expect(await other.append(0, outgoing(...numbered(8, 'new')))).toEqual({ lastOffset: 7 });
        const later = () => reader.reads.slice(before).filter(({ records }) => records.length > 0);
        await waitUntil(
          'the reader is interrupted, or goes on',
          () => reader.asked > asked || reader.errors.length > 0 || later().length > 0,
          60_000,
        );
        // Where nothing interrupts it, only what lies behind its place can tell: that is what landmarks are for.
        const [first] = later();
        if (reader.asked === asked && reader.errors.length === 0) expect([0, 5]).toContain(first?.from);
      });
    });

    describe('a topic that is given more partitions', () => {
      it('keeps what it has, and shows the new ones to who opens it and reads anew', async () => {
        const last = PARTITIONS + 1;
        await log.append(0, outgoing('before'));
        await ground.grow(last + 1);
        await waitUntil(
          'it is known',
          async () => (await log.open()).partitions === last + 1 || 'not yet',
          30_000,
        );
        const empty = { low: 0, end: 0 };
        expect((await log.offsets()).toSorted((a, b) => a.partition - b.partition)).toEqual([
          { partition: 0, low: 0, end: 1 },
          ...Array.from({ length: last }, (_, i) => ({ partition: i + 1, ...empty })),
        ]);
        expect(await log.append(last, outgoing('behind'))).toEqual({ lastOffset: 0 });
        expect((await log.offsets()).find(({ partition }) => partition === last)).toMatchObject({ end: 1 });
        const reader = new Collector();
        await follow(reader);
        await reader.hasRead(0, 1);
        await reader.hasRead(last, 1);
        expect([reader.values(0), reader.values(last)]).toEqual([['before'], ['behind']]);
      });
    });

    describe('what comes twice', () => {
      it('is stored twice, at offsets of its own, and the answer names the later ones', async () => {
        expect(await log.append(0, outgoing('a', 'b'))).toEqual({ lastOffset: 1 });
        expect(await log.append(0, outgoing('a', 'b'))).toEqual({ lastOffset: 3 });
        const reader = new Collector();
        await follow(reader);
        await reader.hasRead(0, 4);
        expect(reader.values(0)).toEqual(['a', 'b', 'a', 'b']);
      });
    });

    describe('an acknowledgement that is lost', () => {
      it('leaves the records in the log, once, and is told as an outcome to be tried again', async () => {
        await log.append(0, outgoing('before'));
        ground.loseAcknowledgements(true);
        await expect(log.append(0, outgoing('a', 'b'))).rejects.toMatchObject({
          code: 'log-unreachable',
          isRetryable: true,
        });
        ground.loseAcknowledgements(false);
        expect(await log.append(0, outgoing('a', 'b'))).toEqual({ lastOffset: 4 });
        const reader = new Collector();
        await follow(reader);
        await reader.hasRead(0, 5);
        expect(reader.values(0)).toEqual(['before', 'a', 'b', 'a', 'b']);
      });
    });

    describe('a record that was changed on its way or in the log', () => {
      it('is given as it arrives, at its place: whoever takes it has to notice', async () => {
        await log.append(0, outgoing('before'));
        await log.append(0, [{ key: 'k', value: Buffer.from('as written: 2'), headers: {} }]);
        await log.append(0, outgoing('after'));
        ground.change(0, 'as written: 2');
        const reader = new Collector();
        await follow(reader);
        await reader.hasRead(0, 3);
        expect(reader.values(0)).toEqual(['before', 'as written: 3', 'after']);
        expect(reader.errors).toEqual([]);
      });
    });

    describe('a log that lost its start', () => {
      it('gives what is left to a reader that stands beyond the cut, and goes on', async () => {
        await log.append(0, outgoing(...numbered(8)));
        await ground.retain(0, 6);
        const reader = new Collector();
        reader.starts.set(0, 7);
        await follow(reader);
        await reader.hasRead(0, 8);
        await log.append(0, outgoing('next'));
        await reader.hasRead(0, 9);
        expect(reader.values(0)).toEqual(['v7', 'next']);
        expect((await log.offsets()).find(({ partition }) => partition === 0)).toMatchObject({
          low: 6,
          end: 9,
        });
      });

      it('that is all of it keeps its end, and what comes next follows there', async () => {
        await log.append(0, outgoing(...numbered(4)));
        await ground.retain(0, 4);
        expect((await log.offsets()).find(({ partition }) => partition === 0)).toMatchObject({
          low: 4,
          end: 4,
        });
        expect(await log.append(0, outgoing('next'))).toEqual({ lastOffset: 4 });
        const reader = new Collector();
        await follow(reader);
        await reader.hasRead(0, 5);
        expect(reader.values(0)).toEqual(['next']);
      });
    });

    describe('stopping', () => {
      it('ends the taking, the piece in hand included, and following again works', async () => {
        await log.append(0, outgoing(...numbered(30)));
        const reader = new Collector();
        let release: () => void = () => undefined;
        const held = new Promise<void>((resolve) => (release = resolve));
        reader.answer = async () => {
          await held;
          return 'go on' as const;
        };
        const following = await follow(reader);
        await waitUntil('a piece is in hand', () => reader.reads.length === 1, 30_000);
        const stopping = following.stop();
        release();
        await stopping;
        const taken = reader.reads.length;
        await log.append(0, outgoing('later'));
        const again = new Collector();
        again.starts.set(0, 28);
        await follow(again);
        await again.hasRead(0, 31);
        expect(again.values(0)).toEqual(['v28', 'v29', 'later']);
        expect(reader.reads).toHaveLength(taken);
        expect(reader.errors).toEqual([]);
      });

      it('of one reader happens by itself when another one follows', async () => {
        await log.append(0, outgoing('a'));
        const [first, second] = [new Collector(), new Collector()];
        await follow(first);
        await first.hasRead(0, 1);
        await follow(second);
        await log.append(0, outgoing('b'));
        await second.hasRead(0, 2);
        expect(first.values(0)).toEqual(['a']);
        expect(first.errors).toEqual([]);
      });

      it('can be asked for twice, and closing too', async () => {
        const following = await follow(new Collector());
        await Promise.all([following.stop(), following.stop()]);
        await log.close();
        await log.close();
      });
    });
  });
}
