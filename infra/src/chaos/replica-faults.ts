/**
 * What befalls replica processes: killed, suspended, stopped in order, blocked by a stranger on their file.
 *
 * Each fault resolves with a sentence on how it was seen to take hold, and throws when it did not.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { untilStartedAgain } from '../cluster/kill-in-turn.ts';
import type { ServiceProcess } from '../cluster/service-process.ts';
import { errorText } from '../infra-error.ts';
import { placeOrders } from '../load/order-load.ts';
import { waitFor } from '../process/wait-for.ts';
import type { WatchedGround } from './chaos-ground.ts';
import type { PlannedFault } from './fault-plan.ts';
import { notHeld } from './not-held.ts';
import { isAnswering, isReady, lookAt, processState } from './replica-look.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';

/** Long: a start may have to wait until the other lane has given the broker back, and then to catch up. */
const readyTimeoutMs = 180_000;
/** SIGTERM to the end of the process. */
const stopLimitMs = 10_000;
/** Three times what is promised for a start after a crash, broker there or not: then at least it serves what it has. */
const backLimitMs = 15_000;
const lookMs = 5000;
const foreignWriter = fileURLToPath(new URL('foreign-writer-main.ts', import.meta.url));

/**
 * Waits until a replica is ready again after it was begun at `begunMs`, and keeps how long it took. One that is not
 * breaks a promise, whatever becomes of the fault.
 */
export async function readyAgain(
  ground: WatchedGround,
  replica: ServiceProcess,
  begunMs: number,
): Promise<void> {
  try {
    await replica.ready({ timeoutMs: readyTimeoutMs, isFirstStart: false });
  } catch (error) {
    ground.violations.add('I9', 'not ready', errorText(error));
    throw error;
  }
  ground.readyMs.push(performance.now() - begunMs);
}

/**
 * As `readyAgain`, of a replica that has its rows: `limitMs` after its start it has to serve what it has, or it breaks
 * a promise, even where it becomes ready later.
 */
export async function backAgain(
  ground: WatchedGround,
  replica: ServiceProcess,
  begunMs: number,
  limitMs = backLimitMs,
): Promise<void> {
  const isBack = new AbortController();
  const waitMs = Math.max(0, begunMs + limitMs - performance.now());
  const overdue = pause(waitMs, undefined, { signal: isBack.signal }).then(
    async () => {
      const state = (await lookAt(replica.url))?.state ?? 'silent';
      if (!['silent', 'starting', 'stopped'].includes(state)) return;
      ground.violations.add('I9', 'not back', `${replica.name}: ${state} ${limitMs} ms after its start`);
    },
    () => undefined,
  );
  try {
    await readyAgain(ground, replica, begunMs);
  } finally {
    isBack.abort();
    await overdue;
  }
}

/** kill -9 and start again; resolves when the replica is ready. */
async function killAndStart(ground: WatchedGround, replica: ServiceProcess): Promise<void> {
  await replica.takeDown('SIGKILL');
  const begunMs = performance.now();
  await replica.restart();
  await backAgain(ground, replica, begunMs);
}

/** One replica after the other, `count` times. */
export async function killStorm(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const random = seededRandom(fault.seed);
  const victims = Array.from({ length: fault.count }, () => random.pick(ground.cluster.replicas));
  for (const victim of victims) {
    await pause(random.between(0, 400));
    await ground.claims.holding([victim.name], () => killAndStart(ground, victim));
  }
  return `kill -9 of ${victims.map(({ name }) => name).join(', ')}`;
}

/** Two at once; the supervisor starts them again by itself. */
export async function killTwo(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const victims = seededRandom(fault.seed).shuffle(ground.cluster.replicas).slice(0, fault.count);
  const names = victims.map(({ name }) => name);
  await ground.claims.holding(names, async () => {
    const begunMs = performance.now();
    const before = victims.map(({ pid }) => pid);
    for (const victim of victims) victim.kill('SIGKILL');
    await Promise.all(
      victims.map((victim, index) =>
        untilStartedAgain(victim, { lastPid: before[index] ?? null, timeoutMs: 20_000 }),
      ),
    );
    await Promise.all(victims.map((victim) => backAgain(ground, victim, begunMs)));
  });
  return `kill -9 of ${names.join(' and ')} at once`;
}

/** Killed, and killed again `count` times before it is ready. */
export async function killInRecovery(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const random = seededRandom(fault.seed);
  const victim = random.pick(ground.cluster.replicas);
  return ground.claims.holding([victim.name], async () => {
    await victim.takeDown('SIGKILL');
    let held = 0;
    for (let attempt = 0; held < fault.count && attempt < fault.count * 4; attempt += 1) {
      await victim.restart();
      if (await isBeforeReadiness(victim, random)) held += 1;
      await victim.takeDown('SIGKILL');
    }
    const begunMs = performance.now();
    await victim.restart();
    await backAgain(ground, victim, begunMs);
    if (held < fault.count) throw notHeld(`${victim.name} was ready at once in ${fault.count * 4} starts`);
    return `kill -9 of ${victim.name}, and ${held} times more before it was ready`;
  });
}

/** Waits until it answers, or less, and tells whether it is not yet ready then. */
async function isBeforeReadiness(victim: ServiceProcess, random: SeededRandom): Promise<boolean> {
  if (random.fraction() < 0.3) await pause(random.between(100, 700));
  else
    await waitFor({
      what: `an answer of ${victim.name}`,
      timeoutMs: 20_000,
      intervalMs: 5,
      look: async () => ((await isAnswering(victim.url, 1000)) ? { found: true } : { missing: 'none yet' }),
    });
  return !(await isReady(victim.url));
}

/** A silent replica leaves the balance within this time: by its beats, or by calls that it does not answer. */
const outOfBalanceMs = 20_000;

/** SIGSTOP, and SIGCONT later. Whoever still sends it requests after a long time breaks a promise. */
export async function suspendReplica(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const victim = seededRandom(fault.seed).pick(ground.cluster.replicas);
  return ground.claims.holding([victim.name], async () => {
    victim.kill('SIGSTOP');
    try {
      await pause(fault.durationMs);
      const state = processState(victim.pid);
      if (state !== 'T' || (await isAnswering(victim.url, 500)))
        throw notHeld(`${victim.name} went on (state ${state})`);
      if (fault.durationMs >= outOfBalanceMs && (await isInBalance(ground, victim)))
        ground.violations.add('I9', 'kept in balance', `${victim.name} after ${fault.durationMs} ms`);
    } finally {
      victim.kill('SIGCONT');
    }
    await readyAgain(ground, victim, performance.now());
    return `${victim.name} stood still for ${(fault.durationMs / 1000).toFixed(1)} s`;
  });
}

async function isInBalance({ cluster }: WatchedGround, { url }: ServiceProcess): Promise<boolean> {
  const answer = await fetch(`${cluster.gateway.url}/registry`, { signal: AbortSignal.timeout(lookMs) });
  const { orderReplicas } = (await answer.json()) as {
    orderReplicas: readonly { readonly url: string; readonly isInBalance: boolean }[];
  };
  return orderReplicas.some((replica) => replica.url === url && replica.isInBalance);
}

/** SIGTERM under load; it is started again. One that does not end by itself within 10 s breaks a promise. */
export async function terminateReplica(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const victim = seededRandom(fault.seed).pick(ground.cluster.replicas);
  return ground.claims.holding([victim.name], async () => {
    const askedMs = performance.now();
    await victim.takeDown('SIGTERM');
    const tookMs = performance.now() - askedMs;
    if (tookMs >= stopLimitMs)
      ground.violations.add('I9', 'not ended', `${victim.name}: ${Math.round(tookMs)} ms after SIGTERM`);
    const begunMs = performance.now();
    await victim.restart();
    await backAgain(ground, victim, begunMs);
    return `${victim.name} ended ${(tookMs / 1000).toFixed(1)} s after SIGTERM`;
  });
}

/** A stranger keeps a write transaction open on the file of a replica, which refuses writes meanwhile. */
export async function holdDatabase(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const victim = seededRandom(fault.seed).pick(ground.cluster.replicas);
  return ground.claims.holding([victim.name], async () => {
    const holder = spawn(process.execPath, [foreignWriter, victim.database], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(holder, 'close');
    try {
      const [said] = await Promise.race([once(holder.stdout, 'data'), ended]);
      if (String(said).trim() !== 'held') throw notHeld(`the stranger did not get ${victim.database}`);
      const { failures } = await placeOrders({
        urls: () => [victim.url],
        clients: 8,
        count: 8,
        name: `${fault.kind}-${fault.number}`,
        record: ground.probes,
      });
      if (!failures.has('503 database-busy'))
        throw notHeld(`${victim.name} wrote although its file was held`);
      await pause(fault.durationMs);
    } finally {
      holder.stdin.end();
      await ended;
    }
    await readyAgain(ground, victim, performance.now());
    return `a stranger held the file of ${victim.name}, which answered 503`;
  });
}
