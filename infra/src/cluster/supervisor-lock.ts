/**
 * One supervisor per data directory.
 *
 * The lock is a file with the holder's identity, put in place by a hard link, which succeeds for one process
 * only. A lock whose holder is gone (kill -9 leaves it behind) is moved aside first, and only if it still is the
 * one that was judged.
 */
import { randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { InfraError } from '../infra-error.ts';
import { identifyProcess, isSameProcess, type ProcessIdentity } from '../process/process-identity.ts';

/** A lock that is held. */
export interface SupervisorLock {
  release(): void;
}

/**
 * Takes the lock for this process.
 * @throws `already-running`, naming the pid, while another process holds it.
 */
export function takeSupervisorLock(path: string): SupervisorLock {
  const mine = JSON.stringify(identifyProcess(process.pid));
  for (let attempt = 0; attempt < 10; attempt += 1) {
    if (putInPlace(path, mine)) {
      return {
        release: () => {
          if (readLock(path) === mine) rmSync(path, { force: true });
        },
      };
    }
    const found = readLock(path);
    if (found === null) continue;
    const holder = holderOf(found);
    if (holder !== null && isSameProcess(holder)) throw alreadyRunning(path, holder.pid);
    moveAside(path, found);
  }
  throw alreadyRunning(path, holderOf(readLock(path) ?? '')?.pid ?? 0);
}

/** True while a living process holds the lock. */
export function isLockHeld(path: string): boolean {
  const holder = holderOf(readLock(path) ?? '');
  return holder !== null && isSameProcess(holder);
}

function putInPlace(path: string, text: string): boolean {
  const temporary = `${path}.${randomBytes(4).toString('hex')}`;
  writeFileSync(temporary, text);
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function readLock(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function holderOf(text: string): ProcessIdentity | null {
  try {
    return JSON.parse(text) as ProcessIdentity;
  } catch {
    return null;
  }
}

/** Removes a judged lock; if another process has put its own there meanwhile, that one is put back. */
function moveAside(path: string, judged: string): void {
  const aside = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  const moved = readLock(aside);
  if (moved !== null && moved !== judged) putInPlace(path, moved);
  rmSync(aside, { force: true });
}

function alreadyRunning(path: string, pid: number): InfraError {
  return new InfraError({
    code: 'already-running',
    message: `Process ${pid} is already running a cluster on this data directory (${path}).`,
    hint: `End it with Ctrl-C there or kill ${pid}, or take another --data-dir.`,
  });
}
