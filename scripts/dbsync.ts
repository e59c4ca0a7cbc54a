/**
 * `pnpm dbsync`: what an operator asks of running replicas.
 */
import { parseArgs } from 'node:util';
import { errorText, findReplicas, InfraError, type ProbedStatus } from '@dbsync/infra';

const HELP = `pnpm dbsync status: what each replica is doing

  --data-dir DIR   the data directory of a running pnpm dev (default .data)
  --urls A,B       order replicas by URL, instead of --data-dir
  --json           the whole status of each replica, as one JSON array
  --help           this text

exit: 0 all replicas answer, 1 one does not, 2 bad usage`;

/** Commands that are planned and not built; refused by name, so that nobody takes silence for success. */
const NOT_BUILT = ['quarantine', 'hidden', 'snapshot', 'accept-log'];

interface Answer {
  readonly url: string;
  readonly status?: ProbedStatus;
  readonly error?: string;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      'data-dir': { type: 'string', default: '.data' },
      urls: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [command = 'help'] = positionals;
  if (values.help || command === 'help') {
    process.stdout.write(`${HELP}\n`);
    return 0;
  }
  if (command !== 'status') {
    const message = NOT_BUILT.includes(command)
      ? `'${command}' is not built yet.`
      : `There is no command '${command}'.`;
    throw new InfraError({ code: 'bad-usage', message, hint: 'pnpm dbsync --help lists what there is.' });
  }
  const replicas = findReplicas({ dataDir: values['data-dir'], urls: values.urls });
  const answers = await Promise.all(
    replicas.map(async (probe): Promise<Answer> => {
      try {
        return { url: probe.url, status: await probe.status() };
      } catch (error) {
        return { url: probe.url, error: errorText(error) };
      }
    }),
  );
  if (values.json) process.stdout.write(`${JSON.stringify(answers)}\n`);
  else for (const answer of answers) process.stdout.write(`${describe(answer)}\n`);
  return answers.every(({ status }) => status) ? 0 : 1;
}

function describe({ url, status, error }: Answer): string {
  if (!status) return `?  ${url}\n   ${error}`;
  const { replicaId, state, stopReason, rows, digest, unpublished, lag, stalled, quarantined } = status;
  const lines = [
    `${replicaId}  ${url}  ${state}${stopReason === undefined ? '' : ` (${stopReason})`}`,
    `   ${rows} rows, digest ${digest.slice(0, 16)}, ${unpublished} not yet in the log`,
    `   lag ${lag.records === null ? 'unknown' : `${lag.records} records, ${lag.ms} ms`}, ${status.logReachable ? 'log answers' : 'log does not answer'}, ${status.writable ? 'writable' : 'not writable'}`,
  ];
  for (const { origin, reason } of stalled) lines.push(`   stalled: ${origin} (${reason})`);
  if (quarantined > 0) lines.push(`   ${quarantined} records in quarantine`);
  return lines.join('\n');
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
