/**
 * `pnpm chaos`: real processes, real faults, then heal and judge. Exit 0 passed, 1 failed, 2 inconclusive.
 */
import { createWriteStream } from 'node:fs';
import {
  chaosHelp,
  errorText,
  killLivingChildren,
  planFaults,
  planLines,
  readChaosOptions,
  reportLines,
  runChaos,
  writeReport,
} from '@dbsync/infra';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const { isHelp, isPlanOnly, json, log, only, ...options } = readChaosOptions(process.argv.slice(2));
  if (isHelp) {
    print(chaosHelp);
    return 0;
  }
  const plan = planFaults({ seed: options.seed, minutes: options.minutes, only });
  if (isPlanOnly) {
    for (const line of planLines(plan)) print(line);
    return 0;
  }
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());
  process.on('exit', killLivingChildren);
  const logFile = log === undefined ? undefined : createWriteStream(log);
  const report = await runChaos({
    ...options,
    plan,
    environment: process.env,
    print,
    onLogLine: (line) => void logFile?.write(`${new Date().toISOString()} ${line}\n`),
    signal: interrupted.signal,
  });
  if (json !== undefined) writeReport(json, report);
  for (const line of reportLines(report)) print(line);
  return { passed: 0, failed: 1, inconclusive: 2 }[report.verdict];
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(2);
  },
);
