/**
 * `pnpm verify`: are all replicas equal? Exit 0 equal, 1 different, 2 cannot judge.
 */
import { parseArgs } from 'node:util';
import { errorText, findReplicas, InfraError, verifyReplicas } from '@dbsync/infra';

const HELP = `pnpm verify: waits until all replicas hold the same, and says what differs down to the row

  --data-dir DIR   the data directory of a running pnpm dev (default .data)
  --urls A,B       order replicas by URL, instead of --data-dir
  --timeout S      how long to wait for equal digests, in seconds (default 30)
  --deep           let each replica recompute its chains from its rows
  --help           this text

exit: 0 equal, 1 different, 2 cannot judge`;

/** Longest recomputation of one replica: about a hundred million rows. */
const DEEP_TIMEOUT_MS = 3_600_000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      'data-dir': { type: 'string', default: '.data' },
      urls: { type: 'string' },
      timeout: { type: 'string', default: '30' },
      deep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  if (!/^\d{1,5}$/.test(values.timeout)) {
    throw new InfraError({
      code: 'bad-usage',
      message: `--timeout ${values.timeout} is not a number of seconds.`,
      hint: 'Give a whole number, such as --timeout 30.',
    });
  }
  const verdict = await verifyReplicas({
    replicas: findReplicas({ dataDir: values['data-dir'], urls: values.urls }),
    timeoutMs: Number(values.timeout) * 1000,
    isDeep: values.deep,
    deepTimeoutMs: DEEP_TIMEOUT_MS,
    print: (line) => process.stdout.write(`${line}\n`),
  });
  return { equal: 0, different: 1, unknown: 2 }[verdict];
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exitCode = 2;
  },
);
