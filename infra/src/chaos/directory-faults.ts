/**
 * What befalls whole replicas and their directories: one more, one built anew, one put back to an old copy, everything
 * stopped and started.
 *
 * A disk that is lost takes along what only it held, and no cluster can bring that back. So a directory is taken away
 * only when other replicas hold everything that is in it; that they do is checked, not assumed.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServiceProcess } from '../cluster/service-process.ts';
import { waitFor } from '../process/wait-for.ts';
import { othersThan, type WatchedGround } from './chaos-ground.ts';
import type { PlannedFault } from './fault-plan.ts';
import { notHeld } from './not-held.ts';
import { readyAgain } from './replica-faults.ts';
import { lookAt, vectorOf } from './replica-look.ts';
import { type OriginGrowth, originGrowth } from './replica-watch.ts';
import { seededRandom } from './seeded-random.ts';

const coverTimeoutMs = 120_000;
/** How long the others may take to apply what was just published. */
const coverMs = 8000;
const coverAttempts = 8;
const nearlyPublished = 200;

/** A replica more, in mid-load. */
export async function addReplica(ground: WatchedGround): Promise<string> {
  const looks = await Promise.all(ground.cluster.replicas.map(({ url }) => lookAt(url)));
  const peers = looks.filter((peer) => peer !== null);
  if (peers.length === 0) throw notHeld('no replica says what it holds');
  const held = Math.min(...peers.map(({ rows }) => rows));
  const begunMs = performance.now();
  const added = await ground.cluster.addReplica();
  ground.readyMs.push(performance.now() - begunMs);
  const look = await lookAt(added.url);
  if (look === null) throw notHeld(`${added.name} is ready and does not answer`);
  if (look.rows < held) {
    const what = `${added.name} was ready with ${look.rows} rows, and every other that answered held ${held} before`;
    ground.violations.add('I7', 'ready too early', what);
  }
  return `${added.name} came with ${look.rows} rows after ${seconds(begunMs)} s`;
}

/** The directory is lost; the replica is built from the others. */
export async function wipeReplica(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const victim = seededRandom(fault.seed).pick(ground.cluster.replicas);
  return ground.claims.holding([victim.name, 'log'], async () => {
    const rows = await takeDownCovered(ground, victim, 'SIGTERM');
    rmSync(dirname(victim.database), { recursive: true, force: true });
    startOver(ground, victim);
    if (existsSync(victim.database)) throw notHeld(`${victim.database} is still there`);
    const begunMs = performance.now();
    await victim.restart();
    await readyAgain(ground, victim, begunMs);
    const look = await lookAt(victim.url);
    if (look === null) throw notHeld(`${victim.name} is ready and does not answer`);
    if (look.rows < rows) {
      const what = `${victim.name} was ready with ${look.rows} of the ${rows} rows that it had lost`;
      ground.violations.add('I7', 'ready too early', what);
    }
    return `${victim.name} lost its directory of ${rows} rows and was built anew in ${seconds(begunMs)} s`;
  });
}

/** The directory goes back to an older copy of itself. */
export async function restoreOldCopy(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const victim = seededRandom(fault.seed).pick(ground.cluster.replicas);
  const copy = mkdtempSync(join(tmpdir(), 'dbsync-old-copy-'));
  const folder = dirname(victim.database);
  try {
    return await ground.claims.holding([victim.name, 'log'], async () => {
      await victim.takeDown('SIGTERM');
      cpSync(folder, copy, { recursive: true });
      const oldRows = rowsIn(victim);
      const begunMs = performance.now();
      await victim.restart();
      await readyAgain(ground, victim, begunMs);
      await pause(fault.durationMs);
      const rows = await takeDownCovered(ground, victim, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
      cpSync(copy, folder, { recursive: true });
      startOver(ground, victim);
      if (rows <= oldRows) throw notHeld(`${victim.name} wrote nothing between the copy and its return`);
      const againMs = performance.now();
      await victim.restart();
      await readyAgain(ground, victim, againMs);
      return `${victim.name} was put back from ${rows} to ${oldRows} rows`;
    });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Every replica and the broker stopped in order and started again. */
export async function restartEverything(ground: WatchedGround): Promise<string> {
  const { cluster } = ground;
  const replicas = [...cluster.replicas];
  return ground.claims.holding([...replicas.map(({ name }) => name), 'log'], async () => {
    const before = [cluster.broker?.pid, ...replicas.map(({ pid }) => pid)];
    await Promise.all(replicas.map((replica) => replica.takeDown('SIGTERM')));
    await cluster.broker?.kill('SIGTERM');
    const begunMs = performance.now();
    await Promise.all(replicas.map((replica) => replica.restart()));
    await Promise.all(replicas.map((replica) => readyAgain(ground, replica, begunMs)));
    await waitFor({
      what: 'the broker',
      timeoutMs: 60_000,
      look: () => (cluster.broker?.pid ? { found: true } : { missing: 'it is down' }),
    });
    const after = [cluster.broker?.pid, ...replicas.map(({ pid }) => pid)];
    const same = before.findIndex((pid, index) => pid === after[index]);
    if (same >= 0) throw notHeld(`process ${before[same]} is the one from before`);
    return `${replicas.length} replicas and the broker were started again`;
  });
}

/**
 * Takes a replica down, and resolves with the rows in its file when others hold every one of them. Rows that it had not
 * published yet are only there: then it goes on and is taken down again later.
 */
export async function takeDownCovered(
  ground: WatchedGround,
  victim: ServiceProcess,
  signal: 'SIGTERM' | 'SIGKILL',
): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    await waitFor({
      what: `${victim.name} to have published nearly everything`,
      timeoutMs: coverTimeoutMs,
      code: 'not-held',
      look: async () => {
        const look = await lookAt(victim.url);
        const isNear = look?.state === 'live' && look.logReachable && look.unpublished < nearlyPublished;
        return isNear ? { found: true } : { missing: `${look?.state}, ${look?.unpublished} unpublished` };
      },
    });
    await victim.takeDown(signal);
    const origins = originGrowth(victim.database, new Map());
    const lacking = await untilCovered(ground, victim, origins);
    if (lacking === null) return origins.reduce((sum, { seq }) => sum + seq, 0);
    await victim.restart();
    if (attempt === coverAttempts) throw notHeld(`nobody else holds ${lacking}`);
  }
}

/** Null when others hold what a stopped replica holds; what they lack when they do not within some seconds. */
async function untilCovered(
  ground: WatchedGround,
  victim: ServiceProcess,
  origins: readonly OriginGrowth[],
): Promise<string | null> {
  const peers = othersThan(ground.cluster, victim);
  let lacking: string | null = null;
  await waitFor({
    what: `others to hold what ${victim.name} holds`,
    timeoutMs: coverMs,
    look: async () => {
      const vectors = await Promise.all(peers.map(({ url }) => vectorOf(url)));
      const origin = origins.find(
        ({ name, seq }) => !vectors.some((vector) => (vector?.[name]?.seq ?? 0) >= seq),
      );
      lacking = origin === undefined ? null : `${origin.name} up to ${origin.seq}`;
      return lacking === null ? { found: true } : { missing: lacking };
    },
  }).catch(() => undefined);
  return lacking;
}

/** In the same turn of the event loop as the change of the directory: nobody may look in between. */
export function startOver(ground: WatchedGround, victim: ServiceProcess): void {
  ground.reader.forget(victim.name);
  ground.watch.forget(victim.name);
}

function rowsIn({ database }: ServiceProcess): number {
  return originGrowth(database, new Map()).reduce((sum, { seq }) => sum + seq, 0);
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(1);
}
