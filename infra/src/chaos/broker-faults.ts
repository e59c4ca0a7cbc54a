/**
 * What befalls the broker and the way to it.
 *
 * Each fault resolves with a sentence on how it was seen to take hold, and throws when it did not.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { placeOrders } from '../load/order-load.ts';
import { waitFor } from '../process/wait-for.ts';
import type { WatchedGround } from './chaos-ground.ts';
import type { PlannedFault } from './fault-plan.ts';
import type { Link, LinkCounters, LinkMode } from './link.ts';
import { notHeld } from './not-held.ts';
import { lookAt, processState } from './replica-look.ts';
import { seededRandom } from './seeded-random.ts';

const brokerTimeoutMs = 60_000;
/** Replicas may just be starting. */
const acceptTimeoutMs = 30_000;

/** The broker ends by `signal`; the supervisor starts it again. */
export async function bounceBroker(ground: WatchedGround, signal: 'SIGTERM' | 'SIGKILL'): Promise<string> {
  const { cluster } = ground;
  return ground.claims.holding(['log'], async () => {
    const begunMs = performance.now();
    const before = cluster.broker?.pid;
    await cluster.broker?.kill(signal);
    await waitFor({
      what: 'the next start of the broker',
      timeoutMs: brokerTimeoutMs,
      look: () => {
        const pid = cluster.broker?.pid;
        return pid && pid !== before ? { found: true } : { missing: `its pid is ${pid}` };
      },
    });
    await brokerAnswers(ground);
    return `the broker ended by ${signal} and answered again after ${seconds(begunMs)} s`;
  });
}

/** The broker stands still. */
export async function suspendBroker(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const { broker } = ground.cluster;
  return ground.claims.holding(['log'], async () => {
    await broker?.kill('SIGSTOP');
    try {
      await pause(fault.durationMs);
      const state = processState(broker?.pid ?? null);
      if (state !== 'T') throw notHeld(`the broker went on (state ${state})`);
    } finally {
      await broker?.kill('SIGCONT');
    }
    await brokerAnswers(ground);
    return `the broker stood still for ${fault.durationMs / 1000} s`;
  });
}

/** No replica reaches the broker, for longer; orders are accepted all the same. */
export async function keepBrokerAway(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const mode = awayMode(fault);
  return ground.claims.holding(['log'], async () => {
    const links = [...ground.links.values()];
    return withLinks(links, mode, async () => {
      const noticed = await untilAwayIsNoticed(ground);
      await pause(fault.durationMs);
      const accepted = await untilAccepted(ground, `${fault.kind}-${fault.number}`);
      return `the broker was away (${mode.kind}) for ${fault.durationMs / 1000} s, noticed after ${noticed} s; ${accepted}`;
    });
  });
}

/** The broker refuses or swallows everything. */
export function awayMode({ seed }: PlannedFault): LinkMode {
  return seededRandom(seed).fraction() < 0.5 ? { kind: 'refusing' } : { kind: 'holding', what: 'both' };
}

/** Orders are accepted without the log; when nobody accepts one in time, a promise is broken. */
async function untilAccepted(ground: WatchedGround, name: string): Promise<string> {
  let attempts = 0;
  const before = ground.probes.acknowledged.size;
  try {
    return await waitFor({
      what: 'an order to be accepted without the broker',
      timeoutMs: acceptTimeoutMs,
      look: async () => {
        attempts += 1;
        await placeOrders({
          urls: () => ground.cluster.replicas.map(({ url }) => url),
          clients: ground.cluster.replicas.length,
          count: ground.cluster.replicas.length,
          name: `${name}-${attempts}`,
          answerMs: 5000,
          record: ground.probes,
        });
        const accepted = ground.probes.acknowledged.size - before;
        return accepted > 0
          ? { found: `${accepted} of ${ground.cluster.replicas.length} replicas accepted an order` }
          : { missing: 'none was' };
      },
    });
  } catch (error) {
    ground.violations.add('I9', 'not accepted', String(error));
    throw error;
  }
}

/** One replica is cut off from the broker. */
export async function cutOff(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  return hurtOneLink(ground, fault, awayMode(fault), ({ cutConnections, heldChunks, refusedConnections }) =>
    cutConnections + heldChunks + refusedConnections > 0
      ? `${cutConnections} connections cut, ${refusedConnections} refused, ${heldChunks} pieces held`
      : null,
  );
}

/** Requests or answers of one replica arrive, but not the other ones. */
export async function makeOneWay(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const what = seededRandom(fault.seed).pick(['requests', 'answers'] as const);
  return hurtOneLink(ground, fault, { kind: 'holding', what }, ({ heldChunks }) =>
    heldChunks > 0 ? `${heldChunks} pieces of ${what} held` : null,
  );
}

/** Everything between one replica and the broker takes longer. */
export async function slowDown(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  return hurtOneLink(ground, fault, { kind: 'slow', delayMs: fault.count }, ({ delayedChunks }) =>
    delayedChunks > 0 ? `${delayedChunks} pieces came ${fault.count} ms late` : null,
  );
}

/** Bits of rows change on their way from the broker to one replica. */
export async function flipBits(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const random = seededRandom(fault.seed);
  return hurtOneLink(ground, fault, { kind: 'flipping', left: fault.count, random }, ({ flippedBits }) =>
    flippedBits > 0 ? `${flippedBits} bits flipped in answers` : null,
  );
}

/** How long a link is left bad beyond its time until something of what it should do was seen. */
const evidenceTimeoutMs = 30_000;

async function hurtOneLink(
  ground: WatchedGround,
  fault: PlannedFault,
  mode: LinkMode,
  evidence: (since: LinkCounters) => string | null,
): Promise<string> {
  const victim = seededRandom(fault.seed ^ 1).pick(ground.cluster.replicas);
  const link = ground.links.get(victim.name);
  if (link === undefined) throw notHeld(`${victim.name} has no link`);
  const before = { ...link.counters };
  return ground.claims.holding(['log'], () =>
    withLinks([link], mode, async () => {
      await pause(fault.durationMs);
      const seen = await waitFor({
        what: `the link of ${victim.name} to do its harm`,
        timeoutMs: evidenceTimeoutMs,
        code: 'not-held',
        look: () => {
          const told = evidence(since(link.counters, before));
          return told === null ? { missing: 'nothing happened on it' } : { found: told };
        },
      });
      return `link of ${victim.name}: ${seen}`;
    }),
  );
}

/** Links treat everything like that while `run` runs. */
export async function withLinks<T>(
  links: readonly Link[],
  mode: LinkMode,
  run: () => Promise<T>,
): Promise<T> {
  for (const link of links) link.set(mode);
  try {
    return await run();
  } finally {
    for (const link of links) link.set({ kind: 'open' });
  }
}

function since(now: LinkCounters, before: LinkCounters): LinkCounters {
  return {
    passedBytes: now.passedBytes - before.passedBytes,
    cutConnections: now.cutConnections - before.cutConnections,
    refusedConnections: now.refusedConnections - before.refusedConnections,
    heldChunks: now.heldChunks - before.heldChunks,
    delayedChunks: now.delayedChunks - before.delayedChunks,
    flippedBits: now.flippedBits - before.flippedBits,
  };
}

async function untilAwayIsNoticed(ground: WatchedGround): Promise<string> {
  const begunMs = performance.now();
  await waitFor({
    what: 'a replica to notice that the broker is away',
    timeoutMs: evidenceTimeoutMs,
    code: 'not-held',
    look: async () => {
      const looks = await Promise.all(ground.cluster.replicas.map((replica) => lookAt(replica.url)));
      return looks.some((look) => look?.logReachable === false)
        ? { found: true }
        : { missing: 'all of them reach it' };
    },
  });
  return seconds(begunMs);
}

/** Resolves when a client that goes past all links is answered. */
async function brokerAnswers(ground: WatchedGround): Promise<void> {
  await waitFor({
    what: 'the broker to answer',
    timeoutMs: brokerTimeoutMs,
    look: async () => {
      try {
        await ground.topic.offsets();
        return { found: true };
      } catch (error) {
        return { missing: String(error) };
      }
    },
  });
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(1);
}
