/**
 * Replicas killed with -9, one after the other, while something else runs; the supervisor starts each of them again.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { SeededRandom } from '../chaos/seeded-random.ts';
import { waitFor } from '../process/wait-for.ts';
import type { ServiceProcess } from './service-process.ts';

type Victim = Pick<ServiceProcess, 'name' | 'pid' | 'kill' | 'ready'>;

/** How to kill. */
export interface KillOptions {
  readonly replicas: readonly Victim[];
  readonly random: SeededRandom;
  /** Time until the next kill, asked anew for each, in milliseconds. */
  readonly nextMs: () => number;
  /** Longest time until a killed replica has begun anew, and until it is ready, in milliseconds. */
  readonly backMs: number;
  /** Ends it; a replica that is down is still waited for. */
  readonly over: AbortSignal;
}

/** Kills until it is over, each when the last one is ready again. Returns the number of kills. */
export function killInTurn(options: KillOptions): Promise<number> {
  const killing = killEach(options);
  // Whoever runs beside it looks at the end; a failure before that must not end the process and leave replicas behind.
  killing.catch(() => undefined);
  return killing;
}

async function killEach({ replicas, random, nextMs, backMs, over }: KillOptions): Promise<number> {
  for (let kills = 0; ; kills += 1) {
    await pause(nextMs(), undefined, { signal: over }).catch(() => undefined);
    if (over.aborted) return kills;
    const victim = random.pick(replicas);
    const { pid } = victim;
    victim.kill('SIGKILL');
    await untilStartedAgain(victim, { lastPid: pid, timeoutMs: backMs });
    await victim.ready({ timeoutMs: backMs, isFirstStart: false });
  }
}

/** Resolves when the supervisor has begun the next life of a process. */
export async function untilStartedAgain(
  victim: Pick<Victim, 'name' | 'pid'>,
  { lastPid, timeoutMs }: { readonly lastPid: number | null; readonly timeoutMs: number },
): Promise<void> {
  await waitFor({
    what: `the next start of ${victim.name}`,
    timeoutMs,
    intervalMs: 20,
    look: () =>
      victim.pid !== null && victim.pid !== lastPid
        ? { found: true }
        : { missing: `its pid is ${victim.pid}` },
  });
}
