/**
 * The reader on a consumer that is played here: answers of a broker that none gives on demand.
 */
import { expect, it } from 'vitest';
import type { Following, LogRead, Onward } from '../../src/change-log.ts';
import type { Consumer, EachBatchPayload, Kafka } from '../../src/kafka/kafka.ts';
import { startReader } from '../../src/kafka/kafka-reader.ts';

const topic = 'notes.changes';

/**
 * A reader of one partition that has joined, with what it hands on; `answer` is an answer of the broker, in a log that
 * ends at `end`.
 */
async function joined({
  end = 11,
  take = () => Promise.resolve('go on'),
}: {
  end?: number;
  take?: () => Promise<Onward>;
} = {}): Promise<{
  reads: LogRead[];
  answer: (fetchedOffset: number, rawMessages: readonly object[]) => Promise<void>;
  following: Following;
  broke: unknown[];
  asked: object[];
  crash: (error: Error) => void;
}> {
  const asked: object[] = [];
  const reads: LogRead[] = [];
  const broke: unknown[] = [];
  let eachBatch: (payload: EachBatchPayload) => Promise<void> = () => Promise.resolve();
  const heard = new Map<string, (event: object) => void>();
  const consumer = {
    events: { GROUP_JOIN: 'join', CRASH: 'crash', START_BATCH_PROCESS: 'batch' },
    on: (event: string, listener: (event: object) => void) => heard.set(event, listener),
    connect: () => Promise.resolve(),
    subscribe: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
    seek: () => undefined,
    run: (options: { eachBatch: typeof eachBatch }) => {
      eachBatch = options.eachBatch;
      heard.get('join')?.({ payload: { memberAssignment: { [topic]: [0] } } });
      return Promise.resolve();
    },
  } as unknown as Consumer;
  const following = await startReader({
    kafka: {
      consumer: (options: object) => {
        asked.push(options);
        return consumer;
      },
    } as unknown as Kafka,
    topic,
    groupId: 'played',
    partitions: 1,
    maxRecords: 10,
    reader: {
      startOf: () => 0,
      take: (read) => {
        reads.push(read);
        return take();
      },
      broke: (error) => void broke.push(error),
    },
  });
  const answer = (fetchedOffset: number, rawMessages: readonly object[]): Promise<void> =>
    eachBatch({
      batch: {
        topic,
        partition: 0,
        highWatermark: String(end),
        fetchedOffset: String(fetchedOffset),
        rawMessages,
      },
      heartbeat: () => Promise.resolve(),
      isRunning: () => true,
      isStale: () => false,
    } as unknown as EachBatchPayload);
  const crash = (error: Error): void => heard.get('crash')?.({ payload: { error } });
  return { reads, answer, following, broke, asked, crash };
}

const unreadable = { offset: '10', unreadable: { firstOffset: 5, why: 'it is damaged' } };

it.each([
  ['from its first record', 5, 5],
  ['from within, as it begins at the bookmark', 10, 10],
])('a batch that cannot be decoded and is read %s is handed on from there', async (_, fetched, offset) => {
  const { reads, answer, following } = await joined();
  await answer(fetched, [unreadable]);
  await following.stop();
  const records = [{ offset, isMarker: false, unreadable: { next: 11, why: 'it is damaged' } }];
  expect(reads).toMatchObject([{ from: fetched, next: 11, records }]);
});

it('a batch that cannot be decoded and says to end beyond the log is not believed', async () => {
  const { reads, answer, following, broke } = await joined();
  await answer(5, [{ ...unreadable, offset: '11' }]);
  await following.stop();
  expect([reads, broke]).toMatchObject([[], [{ code: 'log-unreachable' }]]);
});

const record = (offset: number): object => ({ offset: String(offset), timestamp: '0', value: null });
const ended = (call: Promise<void>): Promise<boolean> =>
  Promise.race([
    call.then(() => true),
    new Promise<boolean>((resolve) => setImmediate(() => setImmediate(resolve, false))),
  ]);

it('while more is there two pieces may be in hand, at the end of the log none, when another answer is fetched', async () => {
  const held: PromiseWithResolvers<Onward>[] = [];
  const take = (): Promise<Onward> => {
    const holding = Promise.withResolvers<Onward>();
    held.push(holding);
    return holding.promise;
  };
  const { reads, answer, following } = await joined({ end: 4, take });
  expect(await ended(answer(0, [record(0)]))).toBe(true);
  expect(await ended(answer(1, [record(1)]))).toBe(true);
  const third = answer(2, [record(2)]);
  expect(await ended(third)).toBe(false);
  held[0]?.resolve('go on');
  expect(await ended(third)).toBe(true);
  const last = answer(3, [record(3)]);
  for (const i of [1, 2]) {
    held[i]?.resolve('go on');
    expect(await ended(last)).toBe(false);
  }
  held[3]?.resolve('go on');
  expect(await ended(last)).toBe(true);
  expect(reads.map(({ from, ahead }) => [from, ahead?.map(({ offset }) => offset)])).toEqual([
    [0, undefined],
    [1, [2]],
    [2, [3]],
    [3, undefined],
  ]);
  await following.stop();
});

it.each(['seek', 'seek all'] as const)(
  "what is in hand when the answer is '%s' is not taken",
  async (onward) => {
    const held = Promise.withResolvers<Onward>();
    const { reads, answer, following } = await joined({ end: 4, take: () => held.promise });
    await answer(0, [record(0)]);
    await answer(1, [record(1)]);
    const last = answer(2, [record(2), record(3)]);
    held.resolve(onward);
    await last;
    await following.stop();
    expect(reads.map(({ from }) => from)).toEqual([0]);
  },
);

it('a reader that broke says so when what was being taken is taken', async () => {
  const held = Promise.withResolvers<Onward>();
  const { reads, answer, broke, crash } = await joined({ end: 4, take: () => held.promise });
  await answer(0, [record(0)]);
  await answer(1, [record(1)]);
  crash(new Error('gone'));
  expect(await ended(Promise.resolve()).then(() => broke)).toEqual([]);
  held.resolve('go on');
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect([broke, reads]).toMatchObject([[{ code: 'log-unreachable' }], [{ from: 0 }]]);
});

it('records of a batch that lie before what was asked for are left out', async () => {
  const { reads, answer, following } = await joined();
  await answer(9, [8, 9, 10].map(record));
  await following.stop();
  expect(reads.map(({ records }) => records.map(({ offset }) => offset))).toEqual([[9, 10]]);
});

it('asks for a megabyte at most at a time, as what comes takes several times that in memory', async () => {
  const { asked, following } = await joined();
  expect(asked).toMatchObject([{ maxBytes: 1_048_576, maxBytesPerPartition: 262_144 }]);
  await following.stop();
});
