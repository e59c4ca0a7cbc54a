/**
 * `pnpm chaos:crash-points`: kill -9 at every named moment of the library, idle, under load and with the broker away,
 * for some seeds (`--seeds N`, from `--first N` on), killed again while it recovers. Exit 0 when nothing was lost,
 * doubled or made up.
 */
import { parseArgs } from 'node:util';
import { errorText, killLivingChildren, planCrashes, runCrashMatrix } from '@dbsync/infra';

const HELP = `pnpm chaos:crash-points: kill -9 at every named moment of the library, and again while it recovers

  --seeds N        how many seeds, 1 to 1000 (default 10)
  --first F        the first of them (default 1)
  --help           this text

exit: 0 nothing was lost, doubled or made up; 1 something was; 2 wrong usage`;

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '10' },
      first: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    print(HELP);
    return 0;
  }
  const [seeds, first] = [Number(values.seeds), Number(values.first)];
  const wrong = [seeds, first].some((number) => !Number.isInteger(number) || number < 1 || number > 1000);
  if (wrong) {
    process.stderr.write(`--seeds ${values.seeds} --first ${values.first}: not numbers 1 to 1000.\n`);
    return 2;
  }
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());
  process.on('exit', killLivingChildren);
  let broken = 0;
  for (let seed = first; seed < first + seeds && !interrupted.signal.aborted; seed += 1) {
    print(`\nseed ${seed}`);
    const report = await runCrashMatrix({
      crashes: planCrashes({ seed, isTwice: true }),
      environment: process.env,
      print,
      signal: interrupted.signal,
    });
    const { done, acknowledged, rows, medianReadyMs, mostReadyMs, violations } = report;
    const twice = done.filter(({ hasDiedTwice }) => hasDiedTwice).length;
    print(
      `${done.length} crashes, ${twice} of them with a second one; ${acknowledged} acknowledged, ${rows} rows`,
    );
    print(`ready again: median ${Math.round(medianReadyMs)} ms, at most ${Math.round(mostReadyMs)} ms`);
    for (const { invariant, kind, count, examples } of violations)
      print(`VIOLATION ${invariant} ${kind} (${count}): ${examples.join('; ')}`);
    if (violations.length > 0) broken += 1;
  }
  print(`\n${broken === 0 ? 'passed' : `failed: ${broken} seeds`}: ${seeds} seeds`);
  return broken === 0 && !interrupted.signal.aborted ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(2);
  },
);
