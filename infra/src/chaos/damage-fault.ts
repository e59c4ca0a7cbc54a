/**
 * A database file that is damaged on disk while its replica is down: cut to half, or forgotten but for its first page.
 *
 * The same is true of it as of a lost directory: it takes along what only it held. So it is damaged only when other
 * replicas hold everything that is in it.
 */
import { closeSync, existsSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { ServiceProcess } from '../cluster/service-process.ts';
import { waitFor } from '../process/wait-for.ts';
import type { WatchedGround } from './chaos-ground.ts';
import { startOver, takeDownCovered } from './directory-faults.ts';
import type { PlannedFault } from './fault-plan.ts';
import { notHeld } from './not-held.ts';
import { readyAgain } from './replica-faults.ts';
import { lookAt } from './replica-look.ts';
import { seededRandom } from './seeded-random.ts';

/** Ready is a replica before all that can be saved of the damaged file was looked for. */
const dealtWithMs = 120_000;

/** The file of a killed replica is damaged; it is set aside, and the replica comes back with all rows. */
export async function damageFile(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const random = seededRandom(fault.seed);
  const victim = random.pick(ground.cluster.replicas);
  return ground.claims.holding([victim.name, 'log'], async () => {
    const before = (await lookAt(victim.url))?.damage.last?.keptAs ?? null;
    const rows = await takeDownCovered(ground, victim, 'SIGKILL');
    const what = random.pick([cutToHalf, blank])(victim.database);
    startOver(ground, victim);
    const begunMs = performance.now();
    await victim.restart();
    await readyAgain(ground, victim, begunMs);
    const held = (await lookAt(victim.url))?.rows;
    if (held !== undefined && held < rows) {
      const found = `${victim.name} was ready with ${held} of the ${rows} rows of its damaged file`;
      ground.violations.add('I7', 'ready too early', found);
    }
    const keptAs = await untilSetAside(victim, before);
    if (!existsSync(keptAs)) ground.violations.add('I2', 'damaged file not kept', keptAs);
    const tookS = ((performance.now() - begunMs) / 1000).toFixed(1);
    return `${victim.name} lost its file of ${rows} rows (${what}), kept it and came back in ${tookS} s`;
  });
}

/** Where the damaged file is kept, once nothing is left to do about it. */
function untilSetAside(victim: ServiceProcess, before: string | null): Promise<string> {
  return waitFor({
    what: `${victim.name} to have dealt with its damaged file`,
    timeoutMs: dealtWithMs,
    code: 'not-held',
    look: async () => {
      const look = await lookAt(victim.url);
      const keptAs = look?.damage.last?.keptAs ?? null;
      if (look?.damage.state === 'none' && keptAs !== null && keptAs !== before) return { found: keptAs };
      return { missing: `${look?.state}, damage ${look?.damage.state}, last kept as ${keptAs}` };
    },
  });
}

/** All that is in the write-ahead log goes into the file, as it does after enough writes: it is the file that is damaged. */
export function emptyLog(file: string): void {
  const database = new DatabaseSync(file, { timeout: 5000 });
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } finally {
    database.close();
  }
}

const pageBytes = 4096;

function cutToHalf(file: string): string {
  emptyLog(file);
  const pages = Math.floor(statSync(file).size / pageBytes);
  const left = Math.ceil(pages / 2);
  if (left === pages) throw notHeld(`${file} has ${pages} pages: there is nothing to cut`);
  truncateSync(file, left * pageBytes);
  return `cut to ${left} of ${pages} pages`;
}

function blank(file: string): string {
  emptyLog(file);
  const pages = blankPages(file);
  if (pages === 0) throw notHeld(`${file} is one page: there is nothing to blank`);
  return `zeros behind its first page, ${pages} pages`;
}

/** Every page but the first becomes zeros, behind SQLite's back: a disk that forgets. Says how many those were. */
export function blankPages(file: string): number {
  const zeros = Buffer.alloc(Math.max(0, statSync(file).size - pageBytes));
  const handle = openSync(file, 'r+');
  try {
    writeSync(handle, zeros, 0, zeros.length, pageBytes);
  } finally {
    closeSync(handle);
  }
  return zeros.length / pageBytes;
}
