/**
 * `pnpm smoke`: executes the quick start of the README as it is written there, and compares its output.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  errorText,
  InfraError,
  Interruption,
  killLivingChildren,
  moveQuickStart,
  readQuickStart,
  runQuickStart,
} from '@dbsync/infra';

const HELP = `pnpm smoke: executes the quick start of the README and compares what comes out

  --data-dir DIR      where the cluster keeps its data (default: a temporary directory, removed afterwards)
  --kafka-port PORT   run on other ports than the README's; they are replaced in its text, and said
  --order-port PORT
  --user-port PORT
  --gateway-port PORT
  --help              this text

exit: 0 it works as written, 1 it does not, 2 wrong usage`;

const workingDir = fileURLToPath(new URL('..', import.meta.url));
const print = (text: string): void => void (text !== '' && process.stdout.write(`${text}\n`));

async function main(): Promise<number> {
  const values = readOptions();
  if (values.help) {
    print(HELP);
    return 0;
  }
  const temporary = values['data-dir'] === undefined ? mkdtempSync(join(tmpdir(), 'dbsync-smoke-')) : null;
  const place = {
    dataDir: temporary ?? resolve(values['data-dir'] ?? ''),
    kafkaPort: port('kafka-port', values['kafka-port']),
    orderPort: port('order-port', values['order-port']),
    userPort: port('user-port', values['user-port']),
    gatewayPort: port('gateway-port', values['gateway-port']),
  };
  const { dataDir, ...ports } = place;
  print(`# data in ${dataDir}`);
  for (const [name, number] of Object.entries(ports)) {
    if (number !== undefined)
      print(`# ${name} ${number} instead of the README's, in its commands and outputs`);
  }
  const interruption = new Interruption();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => interruption.interrupt(name));
  process.on('exit', killLivingChildren);
  try {
    const steps = readQuickStart(readFileSync(join(workingDir, 'README.md'), 'utf8'));
    await runQuickStart({
      steps: moveQuickStart(steps, place),
      workingDir,
      dataDir,
      // Where nobody can answer, npx would refuse to fetch pnpm instead of asking.
      environment: { ...process.env, npm_config_yes: 'true' },
      print,
      signal: interruption.stop,
    });
    print('the quick start works as written');
    return 0;
  } finally {
    if (temporary !== null) rmSync(temporary, { recursive: true, force: true });
  }
}

function readOptions() {
  try {
    const text = { type: 'string' } as const;
    return parseArgs({
      options: {
        'data-dir': text,
        'kafka-port': text,
        'order-port': text,
        'user-port': text,
        'gateway-port': text,
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new InfraError({
      code: 'bad-usage',
      message: (cause as Error).message,
      hint: 'pnpm smoke --help',
      cause,
    });
  }
}

function port(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= 65_535) return number;
  throw new InfraError({
    code: 'bad-usage',
    message: `--${name} '${text}' is no port.`,
    hint: 'Give 1 to 65535.',
  });
}

main().then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(error instanceof InfraError && error.code === 'bad-usage' ? 2 : 1);
  },
);
