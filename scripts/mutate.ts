/**
 * `pnpm mutate`: the tests of mutated events and mutated requests with far more of both than a test run has.
 */
import { parseArgs } from 'node:util';
import { errorText, InfraError, runTests } from '@dbsync/infra';

const HELP = `pnpm mutate: events and HTTP requests that somebody changed, many of them

  --events N       how many events, 1000 to 10000000 (default 1000000)
  --requests N     how many requests, 5000 to 1000000 (default 100000)
  --seed S         1 to 999999999; the same seed makes the same ones (default: by the date)
  --help           this text

exit: 0 none was taken for anything but what was written, and none broke a replica; 1 one was or did; 2 wrong usage`;

const files = [
  'shared/replication/test/mutated-events.test.ts',
  'services/order-service/test/mutated-requests.test.ts',
];

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const today = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  const { values } = parseArgs({
    options: {
      events: { type: 'string', default: '1000000' },
      requests: { type: 'string', default: '100000' },
      seed: { type: 'string', default: today },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(HELP);
    return 0;
  }
  const environment = {
    ...process.env,
    MUTATED_EVENTS: wholeNumber('--events', values.events, { least: 1000, most: 10_000_000 }),
    MUTATED_REQUESTS: wholeNumber('--requests', values.requests, { least: 5000, most: 1_000_000 }),
    MUTATED_SEED: wholeNumber('--seed', values.seed, { least: 1, most: 999_999_999 }),
  };
  print(`seed ${environment.MUTATED_SEED}`);
  // Ctrl-C reaches vitest by itself.
  process.on('SIGINT', () => undefined);
  return runTests({
    isFastOnly: true,
    args: files,
    environment,
    print,
    onStart: (signal) => process.on('SIGTERM', () => signal('SIGTERM')),
  });
}

function wholeNumber(
  name: string,
  text: string,
  { least, most }: { readonly least: number; readonly most: number },
): string {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return String(number);
  throw new InfraError({
    code: 'bad-usage',
    message: `${name} ${text}: not a whole number from ${least} to ${most}`,
    hint: 'pnpm mutate --help',
  });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(2);
  },
);
