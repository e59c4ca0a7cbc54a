/**
 * One JSON line a log entry on standard output: time, level as a word, who says it, what happened.
 *
 * Colours and columns are the reader's business (`pnpm dev` prints them). Only owners of loops, the HTTP error
 * middleware and the runner log errors; everything else throws.
 */
import { pino } from 'pino';

/** What the services log with. */
export type Logger = pino.Logger;

const SECRET_FIELDS = ['password', 'passwordHash', 'secret', 'authorization', 'Authorization'];
/** pino's wildcard stands for one level; deeper nesting than this is nothing that we log. */
const DEPTHS = ['', '*.', '*.*.'];

/**
 * Creates a logger.
 *
 * @param options.name the replica id or the service's name, in every line.
 * @param options.level the lowest level that is written, or `silent`.
 * @param options.destination where lines go; standard output by default, written synchronously so that the
 * last words before an exit are not lost.
 */
export function createLogger(options: {
  name: string;
  level: string;
  destination?: pino.DestinationStream;
}): Logger {
  return pino(
    {
      level: options.level,
      base: { name: options.name },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: DEPTHS.flatMap((depth) => SECRET_FIELDS.map((field) => `${depth}${field}`)),
        censor: '[hidden]',
      },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  );
}
