/**
 * What comes before opening: is the database what its last process left, and if not, what is to be opened instead?
 *
 *   whole ............................................ it is opened
 *   damaged, and there is a source ................... it is set aside, and a new one is opened, to be rebuilt
 *   damaged, and there is none ....................... it stays, untouched; an empty one in a directory of its own is
 *                                                      opened in its place, which answers 503 and tells why
 *   its rows do not hash, but no peer contradicts it .. it is opened, and the scrub goes on asking
 */
import { existsSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Chain } from '../chain.ts';
import { ReplicationError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { httpPeers } from '../peer.ts';
import type { ReplicaOptions } from '../replica-options.ts';
import type { Table } from '../table.ts';
import { isContradicted } from './contradiction.ts';
import { type DamageNote, noteDamage, readDamageNote, stampOf } from './damage-note.ts';
import { checkFile, type Finding, storedSeq } from './file-check.ts';
import { isLogForeign } from './foreign-log.ts';
import { hasWal, judgeWal, markedRun, unmark } from './open-mark.ts';
import { seekSource } from './rebuild-source.ts';
import { keepLog, setAside } from './set-aside.ts';

/** Directory prefix of what is opened in place of a damaged database; removed at the next start. */
export const HELD_PREFIX = 'held-';

/** SQLite takes a file of a single byte for an empty one, too. */
const LARGEST_EMPTY_BYTES = 1;

/** What to open. */
export interface PreparedFile {
  readonly file: string;
  /** Present while a damage is not dealt with. */
  readonly note?: DamageNote | undefined;
  /** Why the replica must not serve: its database is damaged and there is nothing to rebuild it from. */
  readonly held?: ReplicationError | undefined;
}

/** What preparing needs. */
export interface PrepareOptions {
  readonly options: ReplicaOptions;
  readonly limits: Limits;
  readonly tables: readonly Table[];
  readonly chain: Chain;
}

/** Decides what is opened. The directory must be locked. */
export async function prepareFile(given: PrepareOptions): Promise<PreparedFile> {
  const { file, world } = given.options;
  const known = readDamageNote(file);
  if (known?.phase === 'set-aside') return { file, note: setAside(file, known) };
  const found = known?.phase === 'found' ? { what: known.what, isCertain: true } : await examine(given);
  if (!found) return { file, note: readDamageNote(file) };
  world.logger.error({ file, what: found.what }, 'the database is damaged');
  return rescue(given, found);
}

async function examine({ options, limits, tables, chain }: PrepareOptions): Promise<Finding | undefined> {
  const { file, world } = options;
  const { clock } = world;
  const isThere = existsSync(file) && statSync(file).size > LARGEST_EMPTY_BYTES;
  if (!isThere) {
    // SQLite would take it for a new database and delete the log, which may hold the only copy of rows.
    if (hasWal(file))
      return { what: 'the file is gone or empty, and its write-ahead log is there', isCertain: true };
    if (existsSync(file) && markedRun(file)) return { what: 'the file is empty', isCertain: true };
    unmark(file);
    return undefined;
  }
  const judged = judgeWal(file);
  const wal =
    hasWal(file) && judged !== 'foreign' && (await isLogForeign(file, options)) ? 'foreign' : judged;
  // Played into the file, a foreign log would mix two databases: it goes aside before SQLite may write.
  if (wal === 'foreign') {
    const keptAs = `${file}.foreign-wal-${stampOf(clock.now())}`;
    renameSync(`${file}-wal`, keptAs);
    // What was made of that log while looking at it is of no use to the next one.
    rmSync(`${file}-shm`, { force: true });
    world.logger.error({ file, keptAs }, 'the write-ahead log was of another database and is put aside');
  }
  const budgetMs = wal === 'fits' ? limits.startCheckMs : Number.POSITIVE_INFINITY;
  const { version: schemaVersion } = options.description;
  const found = await checkFile({ file, tables, schemaVersion, chain, clock, budgetMs });
  if (found) return { ...found, what: `${WALS[wal]}${found.what}` };
  const last = markedRun(file);
  const missing = last ? last.seq - (await storedSeq(file, last.run)) : 0;
  if (last && (missing > 0 || wal === 'missing' || wal === 'foreign')) {
    // What is left is whole: an older state, which heals as a restored copy does. Only what nobody else has is lost.
    const what = `${WALS[wal]}the file lacks ${missing} of the rows that ${last.run} had committed`;
    const { keptAs } = noteDamage(file, { what, nowMs: clock.now(), last, phase: 'short' });
    // What SQLite will not read in the log it will write over: the log is kept as it is, to be salvaged.
    if (wal === 'fits') keepLog(file, keptAs);
    world.logger.error({ file, what }, 'the end of the database is lost; going on with what the file holds');
  }
  return undefined;
}

const WALS = {
  fits: '',
  unknown: '',
  missing: 'the write-ahead log is gone although the file was not closed; ',
  foreign: 'the write-ahead log beside the file was of another database and was put aside; ',
} as const;

async function rescue(given: PrepareOptions, found: Finding): Promise<PreparedFile> {
  const { options, limits, chain } = given;
  const { file, replication, world } = options;
  const { clock, logger } = world;
  const last = markedRun(file);
  const note = (): DamageNote => noteDamage(file, { what: found.what, nowMs: clock.now(), last });
  // Noted before the wait: a process that ends meanwhile must not open the file either.
  const foundAtMs = found.isCertain ? Date.parse(note().foundAt) : clock.now();
  if (!replication) return found.isCertain ? hold(file, note(), 'this replica is isolated') : { file };
  const isWaitOver = (): boolean => clock.now() - foundAtMs > limits.rebuildWaitMs;
  const source = await seekSource({ ...options, replication, chain, isWaitOver });
  if (!found.isCertain) {
    const { registry } = source;
    const callPeer = replication.callPeer ?? httpPeers({ chain, limits });
    const place = found.place ?? { origin: '', seq: 0 };
    const { replicaId } = options;
    if (source.from !== 'peer' || !(await isContradicted(place, { replicaId, registry, callPeer, chain }))) {
      logger.error({ what: found.what }, 'no live peer contradicts these rows; going on with what is there');
      return { file };
    }
  }
  if (source.from === 'nothing') return hold(file, note(), source.why);
  logger.warn({ file, from: source.from }, 'the damaged database is set aside; this replica is rebuilt');
  return { file, note: setAside(file, note()) };
}

function hold(file: string, note: DamageNote, why: string): PreparedFile {
  const folder = mkdtempSync(join(dirname(file), HELD_PREFIX));
  const held = new ReplicationError({
    code: 'database-damaged',
    message: `The database is damaged (${note.what}), and there is nothing to rebuild it from now: ${why}.`,
    hint: 'Start another replica or bring the log back; this one then rebuilds itself. The file is untouched.',
  });
  return { file: join(folder, basename(file)), note, held };
}
