/**
 * Carries out the crash matrix on a cluster of real processes and a real broker.
 *
 * Victim is order-1, which dies by SIGKILL at the named moment and is started again by the supervisor. Right after
 * each death its file is looked at; at the end everything is drained and judged like a chaos run.
 */
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { WatchedGround } from '../chaos/chaos-ground.ts';
import { takeDownCovered } from '../chaos/directory-faults.ts';
import { isReady } from '../chaos/replica-look.ts';
import { originGrowth } from '../chaos/replica-watch.ts';
import type { ServiceProcess } from '../cluster/service-process.ts';
import { type LoadRecord, placeOrders } from '../load/order-load.ts';
import { waitFor } from '../process/wait-for.ts';
import type { CrashFile } from './crash-file.ts';
import type { PlannedCrash } from './crash-plan.ts';

/** One crash as it went. */
export interface DoneCrash {
  readonly crash: PlannedCrash;
  /** From the new process to readiness, in milliseconds; null where a second crash was waited for meanwhile, in vain. */
  readonly readyMs: number | null;
  /** True when the second crash came, too. */
  readonly hasDiedTwice: boolean;
}

/** What the matrix needs. */
export interface CrashGround {
  readonly ground: WatchedGround;
  readonly file: CrashFile;
  /** Filled with everything that is sent. */
  readonly record: LoadRecord;
}

const reachTimeoutMs = 60_000;
const readyTimeoutMs = 60_000;
/** How long a recovery may take to come to the moment of the second crash, if it comes there at all. */
const secondTimeoutMs = 6000;
const loadPerSecond = 60;

/**
 * Carries out one crash; resolves when the victim is ready again.
 * @throws `not-held` when the victim did not come to the moment.
 */
export async function crashOnce(on: CrashGround, crash: PlannedCrash, name: string): Promise<DoneCrash> {
  const victim = on.ground.cluster.service('order-1');
  const link = on.ground.links.get(victim.name);
  const isBootstrap = crash.step.startsWith('bootstrap:');
  const over = new AbortController();
  const loading = loadFor(on, crash, { name, signal: over.signal });
  try {
    if (isBootstrap) await emptyVictim(on, victim);
    on.file.arm({ step: crash.step, occurrence: crash.occurrence, isHeld: crash.situation === 'away' });
    const before = victim.pid;
    if (isBootstrap) await victim.restart();
    const pid = isBootstrap ? victim.pid : before;
    const asking = crash.step.startsWith('snapshot:') ? askForSnapshots(victim, over.signal) : undefined;
    if (crash.situation === 'away') {
      await until(`${victim.name} to come to ${crash.step}`, () => on.file.isReached);
      link?.set({ kind: 'refusing' });
      on.file.go();
    }
    await untilNextLife(victim, pid, crash.step);
    const hasDiedTwice = crash.second !== null && (await dieAgain(on, victim, crash.second));
    const begunMs = performance.now();
    on.ground.watch.grew(victim.name, originGrowth(victim.database, on.ground.watch.known(victim.name)));
    // An empty directory has nothing to serve while the broker is away; everything else is ready without it.
    if (isBootstrap) link?.set({ kind: 'open' });
    await victim.ready({ timeoutMs: readyTimeoutMs, isFirstStart: false });
    const hasWaited = crash.second !== null && !hasDiedTwice;
    const readyMs = hasWaited ? null : performance.now() - begunMs;
    link?.set({ kind: 'open' });
    await asking;
    return { crash, readyMs, hasDiedTwice };
  } finally {
    on.file.disarm();
    link?.set({ kind: 'open' });
    over.abort();
    await loading;
  }
}

/** Orders on all replicas: one at a time where it should be idle. */
async function loadFor(
  { ground, record }: CrashGround,
  { situation }: PlannedCrash,
  { name, signal }: { readonly name: string; readonly signal: AbortSignal },
): Promise<void> {
  await placeOrders({
    urls: () => ground.cluster.replicas.map(({ url }) => url),
    clients: situation === 'idle' ? 1 : 16,
    ...(situation === 'idle' ? { ratePerSecond: 20 } : { ratePerSecond: loadPerSecond }),
    name,
    answerMs: 5000,
    signal,
    onPlaced: (placed) => ground.reader.placed(placed),
    record,
  });
}

/** Takes the victim down and its directory away, once others hold everything in it. */
async function emptyVictim({ ground }: CrashGround, victim: ServiceProcess): Promise<void> {
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
async function dieAgain({ file }: CrashGround, victim: ServiceProcess, step: string): Promise<boolean> {
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
