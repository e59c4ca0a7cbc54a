/**
 * `pnpm damage`: damages database files in seeded ways and judges what becomes of each.
 */
import { parseArgs } from 'node:util';
import { errorText, InfraError } from '@dbsync/infra';
import { removeTrialFolders, runDamageTrials } from '@dbsync/replication/testing';

const HELP = `pnpm damage: damages database files in seeded ways and judges what becomes of each

  --files N        how many files, 1 to 100000 (default 1000)
  --seed S         seed of the first one, from 0 on (default 0); the others take the next ones
  --help           this text

exit: 0 each was found, kept, rebuilt, and every loss reported; 1 something was not; 2 wrong usage; 130 Ctrl-C`;

/** Exit codes as a shell gives them. */
const INTERRUPTIONS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      files: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(HELP);
    return 0;
  }
  const files = wholeNumber('--files', values.files, 1);
  const seed = wholeNumber('--seed', values.seed, 0);
  process.on('exit', removeTrialFolders);
  for (const [name, code] of INTERRUPTIONS) process.on(name, () => process.exit(code));
  const begunAt = performance.now();
  const { problems, summary } = await runDamageTrials({
    files,
    seed,
    ended: (count) => {
      if (count % 50 === 0) print(`${count} of ${files}`);
    },
  });
  for (const problem of problems) print(problem);
  print(`${summary}; ${problems.length} problems (${((performance.now() - begunAt) / 1000).toFixed(0)} s)`);
  return problems.length === 0 ? 0 : 1;
}

function wholeNumber(name: string, text: string, least: number): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= 100_000) return number;
  throw new InfraError({
    code: 'bad-usage',
    message: `${name} ${text}: not a whole number from ${least} to 100000`,
    hint: 'pnpm damage --help',
  });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(2);
  },
);
