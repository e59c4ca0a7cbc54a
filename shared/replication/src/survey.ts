/**
 * The survey: whose log is this? Asked before anything is read for good, when nothing of the log was read before or
 * when it is not the log that was read before.
 *
 *   ours     an event of this cluster is in it
 *   empty    there is nothing in it
 *   foreign  there is something in it, and nothing of it is ours
 */
import type { Chain } from './chain.ts';
import { decodeRecord } from './change-event.ts';
import type { ChangeLog, LogRead, PartitionOffsets } from './change-log.ts';
import { ReplicationError } from './errors.ts';
import type { Clock } from './surroundings.ts';

type Ownership = 'ours' | 'empty' | 'foreign';

/** Records looked at in vain before a log counts as foreign. */
const MAX_RECORDS = 10_000;

/** Longest survey, in milliseconds. */
const SURVEY_MS = 30_000;

/** What a survey looks at. */
export interface SurveyOptions {
  readonly log: ChangeLog;
  readonly offsets: readonly PartitionOffsets[];
  readonly chain: Chain;
  readonly clock: Clock;
}

/** @throws `log-refused` where the log holds something and nothing of it is ours, `log-unreachable`. */
export async function assertOurLog(options: SurveyOptions): Promise<void> {
  if ((await surveyLog(options)) !== 'foreign') return;
  throw new ReplicationError({
    code: 'log-refused',
    message: "The log is somebody else's: it holds records, and none of them is of this cluster.",
    hint: 'Check KAFKA_BROKERS, the topic prefix, and the cluster name and secret. To use this log all the same, run pnpm dbsync accept-log.',
  });
}

/** Looks at the log from its start until the first event of ours. @throws `log-unreachable` when it takes too long. */
async function surveyLog(options: SurveyOptions): Promise<Ownership> {
  const { log, chain, clock } = options;
  const unread = new Map(
    options.offsets.filter(({ low, end }) => end > low).map((one) => [one.partition, one]),
  );
  if (unread.size === 0) return 'empty';
  let records = 0;
  let settle: (found: Ownership) => void = () => undefined;
  let fail: (error: unknown) => void = () => undefined;
  const found = new Promise<Ownership>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  // Time may be up while the reader is still starting; that alone must not go unhandled.
  found.catch(() => undefined);
  const cancel = clock.after(SURVEY_MS, () => fail(tooLong()));
  const take = async (read: LogRead): Promise<'go on'> => {
    const carrying = read.records.filter((record) => !record.isMarker);
    records += carrying.length;
    if (carrying.some((record) => decodeRecord(record, chain).event)) settle('ours');
    if (read.next >= (unread.get(read.partition)?.end ?? 0)) unread.delete(read.partition);
    if (unread.size === 0 || records >= MAX_RECORDS) settle(records === 0 ? 'empty' : 'foreign');
    return 'go on';
  };
  const lowOf = (partition: number): number => unread.get(partition)?.low ?? 0;
  try {
    const following = await log.follow({ startOf: lowOf, take, broke: fail });
    try {
      return await found;
    } finally {
      await following.stop();
    }
  } finally {
    cancel();
  }
}

function tooLong(): ReplicationError {
  return new ReplicationError({
    code: 'log-unreachable',
    message: `Looking whose log this is took longer than ${SURVEY_MS} ms.`,
    hint: 'It is tried again.',
    isRetryable: true,
  });
}
