/**
 * The command line of `pnpm chaos`.
 */
import { parseArgs } from 'node:util';
import { InfraError } from '../infra-error.ts';
import { type FaultKind, faultKinds } from './fault-plan.ts';

/** What `pnpm chaos` was asked for. */
export interface ChaosCommand {
  readonly seed: number;
  readonly minutes: number;
  readonly replicas: number;
  readonly ratePerSecond: number;
  readonly only: readonly FaultKind[] | undefined;
  readonly json: string | undefined;
  readonly log: string | undefined;
  readonly isKept: boolean;
  readonly isPlanOnly: boolean;
  readonly isHelp: boolean;
}

/** The help text. */
export const chaosHelp = `pnpm chaos: real processes, real faults, then heal and judge; the same seed gives the same plan

  --seed N        what the plan is made from (default 1)
  --minutes M     how long faults go on (default 5); judging comes on top
  --replicas R    order replicas at the start, 2 to 5 (default 3)
  --rate N        orders a second (default 200)
  --only A,B      only these faults: ${faultKinds.join(', ')}
  --json FILE     write the report there, too
  --log FILE      write there what replicas and supervisor say
  --keep          leave the data directory behind
  --plan          print the plan and do nothing
  --help          this text

exit: 0 passed, 1 a promise was broken, 2 inconclusive: a fault was not seen to take hold, no order was
acknowledged or none read with its token, or the run failed`;

/**
 * Reads the command line.
 * @throws `bad-usage`.
 */
export function readChaosOptions(args: readonly string[]): ChaosCommand {
  const { values } = parse(args);
  const number = (name: 'seed' | 'minutes' | 'replicas' | 'rate', low: number, high: number): number => {
    const value = Number(values[name]);
    if (
      Number.isFinite(value) &&
      value >= low &&
      value <= high &&
      (name === 'minutes' || Number.isInteger(value))
    )
      return value;
    throw usage(`--${name} ${values[name]} is not a number ${low} to ${high}.`);
  };
  return {
    seed: number('seed', 0, 2 ** 31 - 1),
    minutes: number('minutes', 0.1, 24 * 60),
    replicas: number('replicas', 2, 5),
    ratePerSecond: number('rate', 1, 5000),
    only: values.only?.split(',').map(kindOf),
    json: values.json,
    log: values.log,
    isKept: values.keep,
    isPlanOnly: values.plan,
    isHelp: values.help,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string', default: '1' },
        minutes: { type: 'string', default: '5' },
        replicas: { type: 'string', default: '3' },
        rate: { type: 'string', default: '200' },
        only: { type: 'string' },
        json: { type: 'string' },
        log: { type: 'string' },
        keep: { type: 'boolean', default: false },
        plan: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function kindOf(name: string): FaultKind {
  const kind = faultKinds.find((one) => one === name.trim());
  if (kind !== undefined) return kind;
  throw usage(`--only ${name}: there is no such fault.`);
}

function usage(message: string): InfraError {
  return new InfraError({ code: 'bad-usage', message, hint: 'See pnpm chaos --help.' });
}
