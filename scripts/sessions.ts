/**
 * `pnpm sessions`: rounds of write here, read there through the gateway, under lag and kills. Exit 0 passed, 1 failed.
 */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  errorText,
  killLivingChildren,
  readSessionOptions,
  runSessions,
  sessionLines,
  sessionsHelp,
} from '@dbsync/infra';

const print = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(): Promise<number> {
  const { isHelp, log, ...options } = readSessionOptions(process.argv.slice(2));
  if (isHelp) {
    print(sessionsHelp);
    return 0;
  }
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupted.abort());
  process.on('exit', killLivingChildren);
  const logFile = log === undefined ? undefined : createWriteStream(log);
  const dataDir = mkdtempSync(join(tmpdir(), 'dbsync-sessions-'));
  try {
    const report = await runSessions({
      ...options,
      dataDir,
      environment: process.env,
      onLine: (line) => void logFile?.write(`${new Date().toISOString()} ${line}\n`),
      onProgress: (rounds) => print(`${rounds} of ${options.rounds} rounds`),
      signal: interrupted.signal,
    });
    for (const line of sessionLines(report)) print(line);
    return report.breaches.length === 0 && report.rounds >= options.rounds ? 0 : 1;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${errorText(error)}\n`);
    process.exit(2);
  },
);
