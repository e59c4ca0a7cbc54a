/**
 * The guardian: a small process that outlives its supervisor just long enough to end what that leaves behind.
 *
 * A supervisor killed with -9 (package managers do so to their scripts when they are killed themselves) cannot
 * take its children down. The guardian hangs on a pipe from it: the pipe's end is the supervisor's end, whatever
 * the cause. After a clean stop nothing is recorded any more, and it just ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { removeContainers } from '../broker/docker-broker.ts';
import { enterChild, strikeChild } from '../process/living-children.ts';
import { endOrphans } from './children-file.ts';
import { readMemory } from './cluster-memory.ts';
import { openDataDirectory } from './data-directory.ts';
import { removeDevFile } from './dev-file.ts';
import type { Environment } from './service-environment.ts';
import { isLockHeld } from './supervisor-lock.ts';

const program = fileURLToPath(new URL('guardian-main.ts', import.meta.url));
const endTimeoutMs = 3000;

/** A running guardian. */
export interface Guardian {
  /** Lets it go, after everything recorded has ended; resolves when it is gone. */
  dismiss(): Promise<void>;
}

/** Starts a guardian for the children recorded in a data directory. */
export function startGuardian(options: {
  readonly dataDir: string;
  readonly environment: Environment;
}): Guardian {
  const child = spawn(process.execPath, [program, options.dataDir], {
    env: options.environment,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const { pid } = child;
  if (pid !== undefined) enterChild(pid);
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => {
      if (pid !== undefined) strikeChild(pid);
      resolve();
    });
  });
  child.stdin?.on('error', () => undefined);
  return { dismiss: () => dismiss(child, ended) };
}

async function dismiss(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.stdin?.destroy();
  const timer = setTimeout(() => child.kill('SIGKILL'), endTimeoutMs);
  await ended;
  clearTimeout(timer);
}

/** What a guardian does when its supervisor has ended. */
export async function endWhatIsLeft(options: {
  readonly dataDir: string;
  readonly environment: Environment;
}): Promise<void> {
  // Whoever has removed the data already wants nothing of it back.
  if (!existsSync(options.dataDir)) return;
  const directory = openDataDirectory(options.dataDir);
  await endOrphans(directory.childrenFile);
  // A new supervisor may have begun by now; what is there from here on is its own.
  if (isLockHeld(directory.lockFile)) return;
  if (readMemory(directory)?.broker === 'docker') await removeContainers(options);
  removeDevFile(directory.devFile);
}
