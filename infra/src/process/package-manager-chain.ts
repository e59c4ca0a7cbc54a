/**
 * The processes between a command and the package manager that has started it, and whether they still live.
 *
 * `npx pnpm dev` is npm, a shell, pnpm, another shell, and only then the command. When one in the middle is
 * killed, the command's own parent, the last shell, stays, and so does its parent's pid: looking at that alone
 * would keep a cluster running for nobody. Everything above the topmost package manager is the user's business.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { identifyProcess, type ProcessIdentity } from './process-identity.ts';

/** Looks at processes; the real ones unless a test says otherwise. */
export interface ProcessTable {
  parentOf(pid: number): number | null;
  identify(pid: number): ProcessIdentity | null;
}

const longestChain = 12;
const packageManager =
  /^(?:\S*\/)?(?:(?:node|bun)\s+(?:-\S+\s+)*)?(?:\S*\/)?(?:npm|npx|pnpm|pnpx|yarn|corepack)(?:-cli)?(?:\.[cm]?js)?(?:\s|$)/;
const shell = /^(?:\S*\/)?(?:sh|bash|dash|zsh|ash)\s+(?:-\S+\s+)*-\w*c\s/;

/** The parents of `pid` up to the topmost package manager in an unbroken line; none when it was started without one. */
export function packageManagerChain(
  pid: number,
  table: ProcessTable = processTable,
): readonly ProcessIdentity[] {
  const line: ProcessIdentity[] = [];
  let length = 0;
  for (
    let next = table.parentOf(pid);
    next !== null && line.length < longestChain;
    next = table.parentOf(next)
  ) {
    const identity = table.identify(next);
    if (identity === null) break;
    const isManager = packageManager.test(identity.command);
    if (!isManager && !shell.test(identity.command)) break;
    line.push(identity);
    if (isManager) length = line.length;
  }
  return line.slice(0, length);
}

/** True while every process of the chain is alive; a name that has changed does not count as an end. */
export function isChainAlive(chain: readonly ProcessIdentity[], table: ProcessTable = processTable): boolean {
  return chain.every((link) => table.identify(link.pid)?.startedAt === link.startedAt);
}

const processTable: ProcessTable = { parentOf, identify: identifyProcess };

function parentOf(pid: number): number | null {
  const parent = existsSync('/proc/self/stat') ? parentByProc(pid) : parentByPs(pid);
  return parent > 1 ? parent : null;
}

function parentByProc(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

function parentByPs(pid: number): number {
  const ps = spawnSync('ps', ['-o', 'ppid=', '-p', String(pid)], { encoding: 'utf8', timeout: 5000 });
  return Number(ps.stdout?.trim() ?? 0);
}
