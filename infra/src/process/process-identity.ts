/**
 * Which process a pid stands for: its start time and command line, not the number alone.
 *
 * Pids are given out again. Before this package ends a process that an earlier run has left behind, it compares
 * both with what was written down when the process was started. Linux tells in /proc; elsewhere `ps` does.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** A process, told apart from every other that had or will have its pid. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque: equal for one process, different for the next one with its pid, also after a reboot. */
  readonly startedAt: string;
  readonly command: string;
}

/** Reads the identity of a living process; null when there is none (a zombie counts as gone). */
export function identifyProcess(pid: number): ProcessIdentity | null {
  return existsSync('/proc/self/stat') ? identifyByProc(pid) : identifyByPs(pid);
}

/** True while the very process that was identified is alive. */
export function isSameProcess(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now !== null && now.startedAt === identity.startedAt && now.command === identity.command;
}

/** Linux: start time in clock ticks since boot, together with the boot's own id. */
export function identifyByProc(pid: number): ProcessIdentity | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return null;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { pid, startedAt: `${boot}/${fields[18]}`, command };
  } catch {
    return null;
  }
}

/** Everywhere else: what `ps` says, in a fixed language. */
export function identifyByPs(pid: number): ProcessIdentity | null {
  const ps = spawnSync('ps', ['-o', 'stat=', '-o', 'lstart=', '-o', 'args=', '-ww', '-p', String(pid)], {
    env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' },
    encoding: 'utf8',
    timeout: 5000,
  });
  const parts = /^\s*(\S+)\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*?)\s*$/.exec(ps.stdout ?? '');
  if (ps.status !== 0 || !parts) return null;
  const [, state = '', startedAt = '', command = ''] = parts;
  return state.startsWith('Z') ? null : { pid, startedAt: startedAt.replace(/\s+/g, ' '), command };
}
