/**
 * Another process on a replica's database file: changes rows behind its back, holds its write lock.
 *
 * It is a process because two SQLite libraries in one process must never open one file: closing either drops the
 * other's locks.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterwards } from './running-service.ts';

const SCRIPT = fileURLToPath(new URL('./fixtures/foreign-writer.ts', import.meta.url));

/** Runs one statement on the file and ends. @throws Error with what the process said when it failed. */
export async function changeRow(
  file: string,
  statement: { sql: string; values: readonly (string | number)[] },
): Promise<void> {
  const child = spawn(process.execPath, [SCRIPT, 'run', file, JSON.stringify(statement)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (piece) => {
    said += piece;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the foreign process failed: ${said}`);
}

/** Begins a write transaction and keeps it until `release`, or until the test is over. */
export async function holdDatabase(file: string): Promise<{ release(): Promise<void> }> {
  const child = spawn(process.execPath, [SCRIPT, 'hold', file], { stdio: ['pipe', 'pipe', 'inherit'] });
  afterwards(() => end(child));
  const lines = createInterface({ input: child.stdout });
  const answer = await Promise.race([once(lines, 'line'), once(child, 'close').then(() => ['it ended'])]);
  if (answer[0] !== 'held') throw new Error(`the foreign process does not hold the database: ${answer[0]}`);
  return { release: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.stdin?.end();
  await once(child, 'close');
}
