/**
 * The reader on a consumer that is played here: answers of a broker that none gives on demand.
 */
import { expect, it } from 'vitest';
import type { Following, LogRead } from '../../src/change-log.ts';
import type { Consumer, EachBatchPayload, Kafka } from '../../src/kafka/kafka.ts';
import { startReader } from '../../src/kafka/kafka-reader.ts';

const topic = 'notes.changes';

/** A reader of one partition that has joined, with what it hands on; `answer` is an answer of the broker. */
async function joined(): Promise<{
  reads: LogRead[];
  answer: (fetchedOffset: number, rawMessages: readonly object[]) => Promise<void>;
  following: Following;
  broke: unknown[];
  asked: object[];
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
        return Promise.resolve('go on');
      },
      broke: (error) => void broke.push(error),
    },
  });
  const answer = (fetchedOffset: number, rawMessages: readonly object[]): Promise<void> =>
    eachBatch({
      batch: { topic, partition: 0, highWatermark: '11', fetchedOffset: String(fetchedOffset), rawMessages },
      heartbeat: () => Promise.resolve(),
      isRunning: () => true,
      isStale: () => false,
    } as unknown as EachBatchPayload);
  return { reads, answer, following, broke, asked };
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

it('records of a batch that lie before what was asked for are left out', async () => {
  const { reads, answer, following } = await joined();
  const record = (offset: number): object => ({ offset: String(offset), timestamp: '0', value: null });
  await answer(9, [8, 9, 10].map(record));
  await following.stop();
  expect(reads.map(({ records }) => records.map(({ offset }) => offset))).toEqual([[9, 10]]);
});

it('asks for a megabyte at most at a time, as what comes takes several times that in memory', async () => {
  const { asked, following } = await joined();
  expect(asked).toMatchObject([{ maxBytes: 1_048_576, maxBytesPerPartition: 262_144 }]);
  await following.stop();
});
