/**
 * Carries out one crash of the matrix on a cluster of real processes and a real broker.
 *
 * The victim dies by SIGKILL at the named moment and is started again by the supervisor; right after its death its
 * file is looked at. Load, other victims and the judgement at the end are the business of whoever calls.
 */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { WatchedGround } from '../chaos/chaos-ground.ts';
import { takeDownCovered } from '../chaos/directory-faults.ts';
import { isReady } from '../chaos/replica-look.ts';
import { originGrowth } from '../chaos/replica-watch.ts';
import type { ServiceProcess } from '../cluster/service-process.ts';
import { waitFor } from '../process/wait-for.ts';
import type { CrashFile } from './crash-file.ts';
import { emptiesVictim, type PlannedCrash } from './crash-plan.ts';

/** One crash as it went. */
export interface DoneCrash {
  readonly crash: PlannedCrash;
  /** From the new process to readiness, in milliseconds; null where a second crash was waited for meanwhile, in vain. */
  readonly readyMs: number | null;
  /** True when the second crash came, too. */
  readonly hasDiedTwice: boolean;
}

/** A replica that is to die, and where it is told when. */
export interface Victim {
  /** Its name in the cluster. */
  readonly name: string;
  readonly file: CrashFile;
}

const reachTimeoutMs = 60_000;
const readyTimeoutMs = 60_000;
/** How long a recovery may take to come to the moment of the second crash, if it comes there at all. */
const secondTimeoutMs = 6000;

/**
 * Carries out one crash; resolves when the victim is ready again. There has to be a load that leads to the moment.
 * @throws `not-held` when the victim did not come to the moment.
 */
export async function crashOnce(
  ground: WatchedGround,
  { name, file }: Victim,
  crash: PlannedCrash,
): Promise<DoneCrash> {
  const victim = ground.cluster.service(name);
  const link = ground.links.get(name);
  const isBootstrap = emptiesVictim(crash);
  const over = new AbortController();
  try {
    if (isBootstrap) await emptyVictim(ground, victim);
    file.arm({ step: crash.step, occurrence: crash.occurrence, isHeld: crash.situation === 'away' });
    const before = victim.pid;
    if (isBootstrap) await victim.restart();
    const pid = isBootstrap ? victim.pid : before;
    const asking = crash.step.startsWith('snapshot:') ? askForSnapshots(victim, over.signal) : undefined;
    if (crash.situation === 'away') {
      await until(`${name} to come to ${crash.step}`, () => file.isReached);
      link?.set({ kind: 'refusing' });
      file.go();
    }
    await untilNextLife(victim, pid, crash.step);
    const hasDiedTwice = crash.second !== null && (await dieAgain(file, victim, crash.second));
    const begunMs = performance.now();
    ground.watch.grew(name, originGrowth(victim.database, ground.watch.known(name)));
    // An empty directory has nothing to serve while the broker is away; everything else is ready without it.
    if (isBootstrap) link?.set({ kind: 'open' });
    await victim.ready({ timeoutMs: readyTimeoutMs, isFirstStart: false });
    const hasWaited = crash.second !== null && !hasDiedTwice;
    const readyMs = hasWaited ? null : performance.now() - begunMs;
    link?.set({ kind: 'open' });
    await asking;
    return { crash, readyMs, hasDiedTwice };
  } finally {
    file.disarm();
    link?.set({ kind: 'open' });
    over.abort();
  }
}

/** Takes the victim down and its directory away, once others hold everything in it. */
async function emptyVictim(ground: WatchedGround, victim: ServiceProcess): Promise<void> {
  await takeDownCovered(ground, victim, 'SIGTERM');
  rmSync(dirname(victim.database), { recursive: true, force: true });
  ground.reader.forget(victim.name);
  ground.watch.forget(victim.name);
}

async function askForSnapshots({ url }: ServiceProcess, signal: AbortSignal): Promise<void> {
  await waitFor({
    what: 'the end of it',
    timeoutMs: reachTimeoutMs,
    signal,
    look: async () => {
      try {
        const answer = await fetch(`${url}/replication/snapshot`, { signal: AbortSignal.timeout(5000) });
        await answer.arrayBuffer();
        return { missing: `it answered ${answer.status}` };
      } catch {
        return { found: true };
      }
    },
  });
}

async function untilNextLife(victim: ServiceProcess, pid: number | null, step: string): Promise<void> {
  await until(`${victim.name} to die at ${step}`, () => victim.pid !== pid);
  // The supervisor would wait longer after each death.
  if (victim.pid === null) await victim.restart();
  await until(`${victim.name} to be started again`, () => victim.pid !== null);
}

/** Arms the second crash for the recovery under way; true when it came. */
async function dieAgain(file: CrashFile, victim: ServiceProcess, step: string): Promise<boolean> {
  const { pid } = victim;
  file.arm({ step, occurrence: 1, isHeld: false });
  const hasCome = await waitFor({
    what: `${victim.name} to die again at ${step}`,
    timeoutMs: secondTimeoutMs,
    intervalMs: 20,
    look: async () => {
      if (victim.pid !== pid) return { found: true };
      // Ready and still armed: this recovery does not lead there.
      return (await isReady(victim.url)) && file.isArmed ? { found: false } : { missing: 'not yet' };
    },
  }).catch(() => false);
  const isUnderWay = !file.isArmed && victim.pid === pid;
  file.disarm();
  if (hasCome || isUnderWay) await untilNextLife(victim, pid, step);
  return hasCome || isUnderWay;
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  await waitFor({
    what,
    timeoutMs: reachTimeoutMs,
    intervalMs: 10,
    code: 'not-held',
    look: () => (isTrue() ? { found: true } : { missing: 'it has not' }),
  });
}
