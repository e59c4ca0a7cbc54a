/**
 * A log of which a test changes single calls, or what becomes of its reads. All others go through.
 */
import type { ChangeLog, LogRead, LogReader } from '../src/change-log.ts';

/** `log`, but for the calls in `changes`. */
export function wrappedLog(log: ChangeLog, changes: Partial<ChangeLog>): ChangeLog {
  return {
    open: () => log.open(),
    offsets: () => log.offsets(),
    append: (partition, records) => log.append(partition, records),
    follow: (reader) => log.follow(reader),
    close: () => log.close(),
    ...changes,
  };
}

/** `log`, but for what becomes of each read: `take` gets it in place of the reader, and may hand it on. */
export function wrappedReads(
  log: ChangeLog,
  take: (read: LogRead, reader: LogReader) => ReturnType<LogReader['take']>,
): ChangeLog {
  return wrappedLog(log, {
    follow: (reader) =>
      log.follow({
        startOf: (partition) => reader.startOf(partition),
        take: (read) => take(read, reader),
        broke: (error) => reader.broke(error),
      }),
  });
}
