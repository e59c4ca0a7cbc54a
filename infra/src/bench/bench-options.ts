/**
 * The command line of `pnpm bench`.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { InfraError } from '../infra-error.ts';
import { type Measure, measures } from './measures.ts';

/** What `pnpm bench` was asked for. */
export interface BenchCommand {
  readonly measures: readonly Measure[];
  readonly isQuick: boolean;
  readonly isJson: boolean;
  readonly isHelp: boolean;
  /** Files of earlier runs to show instead of measuring; undefined: measure. Absolute. */
  readonly tableOf: readonly string[] | undefined;
  /** Absolute. */
  readonly dataDir: string;
}

/** The help text. */
export const benchHelp = `pnpm bench: what the product does, against limits taken in the same run on the same machine

  --quick         shorter rounds, smaller data, for most measures the default driver only: about three minutes; rough
  --only A,B      only these measures: ${measures.map(({ name }) => name).join(', ')}
  --json          print an array of {measure, unit, ours, limit, ratio, goal, met, isQuick, takenAt} and nothing else on
                  standard output; null is a figure that could not be had
  --table A,B     measure nothing: print what --json wrote to these files as the table of docs/performance.md;
                  of a measure that is in several, the last
  --data-dir DIR  where temporary data go, up to a few gigabytes (default .data-bench)
  --help          this text

exit: 0 everything was measured, met or not; 1 something could not be measured; 2 wrong usage; 130 Ctrl-C`;

/** Reads the command line. @throws `bad-usage`. */
export function readBenchOptions(args: readonly string[]): BenchCommand {
  const values = parse(args);
  return {
    measures: values.only === undefined ? measures : values.only.split(',').map(measureOf),
    isQuick: values.quick,
    isJson: values.json,
    isHelp: values.help,
    tableOf: values.table?.split(',').map((file) => resolve(file.trim())),
    dataDir: resolve(values['data-dir']),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      // `pnpm bench -- --quick` hands the two dashes on.
      args: args[0] === '--' ? args.slice(1) : [...args],
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        json: { type: 'boolean', default: false },
        table: { type: 'string' },
        'data-dir': { type: 'string', default: '.data-bench' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function measureOf(name: string): Measure {
  const measure = measures.find((one) => one.name === name.trim());
  if (measure !== undefined) return measure;
  throw usage(`--only ${name}: there is no such measure.`);
}

function usage(message: string): InfraError {
  return new InfraError({ code: 'bad-usage', message, hint: 'See pnpm bench --help.' });
}
