/**
 * `pnpm bench`: the performance table. Exit 0 everything was measured, 1 something could not be, 2 wrong usage.
 */
import {
  type BenchRow,
  benchHelp,
  errorText,
  InfraError,
  killLivingChildren,
  markdownLines,
  readBenchOptions,
  readResults,
  runBench,
  surroundingsLine,
  tableLines,
} from '@dbsync/infra';

const quickNote =
  'quick: shorter rounds and smaller data than the goals are about; rough figures, to see what a change does';
const interrupted = new AbortController();

async function main(): Promise<number> {
  const { isHelp, isJson, tableOf, ...options } = readBenchOptions(process.argv.slice(2));
  if (isHelp) {
    process.stdout.write(`${benchHelp}\n`);
    return 0;
  }
  if (tableOf !== undefined) {
    const lines = [surroundingsLine(), '', ...markdownLines(readResults(tableOf))];
    process.stdout.write(`${lines.join('\n')}\n`);
    return 0;
  }
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());
  process.on('exit', killLivingChildren);
  const rows: BenchRow[] = [];
  try {
    await runBench({
      ...options,
      environment: process.env,
      onProgress: (sentence) => void process.stderr.write(`${sentence}\n`),
      onRow: (row) => void rows.push(row),
      signal: interrupted.signal,
    });
    return 0;
  } finally {
    if (options.isQuick) process.stderr.write(`${quickNote}\n`);
    process.stdout.write(isJson ? `${JSON.stringify(rows, null, 2)}\n` : `${tableLines(rows).join('\n')}\n`);
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    if (interrupted.signal.aborted) process.exit(130);
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(error instanceof InfraError && error.code === 'bad-usage' ? 2 : 1);
  },
);
