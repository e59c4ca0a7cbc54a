/**
 * The command line of `pnpm sessions`, and what it prints at the end.
 */
import { parseArgs } from 'node:util';
import { InfraError } from '../infra-error.ts';
import type { SessionRunOptions, SessionRunReport } from './run-sessions.ts';

/** What `pnpm sessions` was asked for. */
export type SessionCommand = Pick<
  SessionRunOptions,
  'rounds' | 'clients' | 'seed' | 'maxLagMs' | 'killEveryMs'
> & {
  /** File for what replicas and supervisor say. */
  readonly log: string | undefined;
  readonly isHelp: boolean;
};

/** The help text. */
export const sessionsHelp = `pnpm sessions: write here, read there through the gateway, while replicas lag and die

  --rounds N      orders placed, each with two or three reads after it (default 10000)
  --clients N     clients, half of them with cookies, half with tokens (default 32)
  --seed N        what lag and kills are chosen from (default 1)
  --max-lag MS    largest lag put on a replica's way to Kafka (default 500)
  --kill-every MS time between two kills with -9; 0: none (default 5000)
  --log FILE      write there what replicas and supervisor say
  --help          this text

exit: 0 no stale read, no answer older than one before it, one order a key, nothing lost; 1 otherwise; 2 the run failed`;

const bounds = {
  rounds: [1, 1_000_000],
  clients: [1, 1000],
  seed: [0, 2 ** 31 - 2],
  'max-lag': [0, 60_000],
  'kill-every': [0, 3_600_000],
} as const;

/**
 * Reads the command line.
 * @throws `bad-usage`.
 */
export function readSessionOptions(args: readonly string[]): SessionCommand {
  const values = parse(args);
  const number = (name: keyof typeof bounds): number => {
    const [low, high] = bounds[name];
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= low && value <= high) return value;
    throw usage(`--${name} ${values[name]} is no whole number ${low} to ${high}.`);
  };
  return {
    rounds: number('rounds'),
    clients: number('clients'),
    seed: number('seed'),
    maxLagMs: number('max-lag'),
    killEveryMs: number('kill-every') || Number.POSITIVE_INFINITY,
    log: values.log,
    isHelp: values.help,
  };
}

/** What a run came to, in lines for people. */
export function sessionLines(report: SessionRunReport): readonly string[] {
  const failures = [...report.failures].map(([what, count]) => `${count} × ${what}`).join(', ') || 'none';
  const { rounds, reads, kills, lagChanges, seconds, longestToken, longestWaitMs, relinks, breaches } =
    report;
  return [
    `${rounds} rounds, ${reads} reads, ${kills} kills, ${lagChanges} changes of lag in ${seconds.toFixed(1)} s`,
    `longest token: ${longestToken} characters; answers to try again after: ${failures}; longest wait: ${(longestWaitMs / 1000).toFixed(1)} s`,
    `logs taken for another one: ${relinks}`,
    ...breaches.slice(0, 20).map(({ kind, what }) => `${kind}: ${what}`),
    breaches.length === 0 ? 'every promise was kept' : `${breaches.length} promises were broken`,
  ];
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: args[0] === '--' ? args.slice(1) : [...args],
      options: {
        rounds: { type: 'string', default: '10000' },
        clients: { type: 'string', default: '32' },
        seed: { type: 'string', default: '1' },
        'max-lag': { type: 'string', default: '500' },
        'kill-every': { type: 'string', default: '5000' },
        log: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function usage(message: string): InfraError {
  return new InfraError({ code: 'bad-usage', message, hint: 'pnpm sessions --help lists every option.' });
}
