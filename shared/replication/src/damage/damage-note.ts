/**
 * The damage note: what is known about a damaged database, in a file beside it, so that it outlives the process.
 *
 *   found      the database must not be opened again; it lies where it was
 *   set-aside  it was moved aside, and this replica is rebuilt; what it alone had is still to be taken from it
 *   short      it is whole, but older than it was: the end of its write-ahead log is lost; what others have comes back
 *
 * The note is removed when that is done; what came of it is in the report, which stays beside the file that was kept.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import type { MarkedRun } from './open-mark.ts';

const noteSchema = z.object({
  phase: z.enum(['found', 'set-aside', 'short']),
  what: z.string(),
  /** ISO 8601. */
  foundAt: z.string(),
  /** Where the file is, or will be, kept. Nothing is kept of one that is short. */
  keptAs: z.string(),
  /** The run that had it open last and the rows that it had committed, if that is known. */
  last: z.object({ run: z.string(), seq: z.int() }).optional(),
});

/** What is known. */
export type DamageNote = z.output<typeof noteSchema>;

const reportSchema = z.object({
  what: z.string(),
  foundAt: z.string(),
  endedAt: z.string(),
  /** The damaged file; null where nothing was set aside. */
  keptAs: z.string().nullable(),
  /** Rows that went back in under their own origin. */
  salvaged: z.int(),
  /** Rows that went in as new ones, because their place could not be proven any more. */
  renewed: z.int(),
  /** Rows known to have been there that could not be saved; null where nobody can know how many. */
  lost: z.int().nullable(),
  notSaved: z.array(
    z.object({
      origin: z.string(),
      from: z.int(),
      to: z.int(),
      why: z.string(),
      /** As it was found, unproven. */
      row: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
});

/** What came of a damage. */
export type DamageReport = z.output<typeof reportSchema>;

/** Notes a damage that was just found, unless one is noted already. Synchronous: the process may end right after. */
export function noteDamage(
  databaseFile: string,
  found: { what: string; nowMs: number; last?: MarkedRun | undefined; phase?: 'found' | 'short' },
): DamageNote {
  const known = readDamageNote(databaseFile);
  // A file that is short may turn out to be damaged as well; nothing else is worse than what is noted.
  if (known && known.phase !== 'short') return known;
  const foundAt = new Date(found.nowMs).toISOString();
  const note: DamageNote = {
    phase: found.phase ?? 'found',
    what: found.what,
    foundAt,
    keptAs: `${databaseFile}.damaged-${stampOf(found.nowMs)}`,
    ...(found.last === undefined ? {} : { last: { run: found.last.run, seq: found.last.seq } }),
  };
  saveDamageNote(databaseFile, note);
  return note;
}

/** A time as part of a file's name. */
export function stampOf(nowMs: number): string {
  return new Date(nowMs).toISOString().replaceAll(':', '-');
}

/** Replaces the note, in one step. */
export function saveDamageNote(databaseFile: string, note: DamageNote): void {
  replaceFile(noteOf(databaseFile), JSON.stringify(note));
}

/** The note, if there is one. */
export function readDamageNote(databaseFile: string): DamageNote | undefined {
  return readJson(noteOf(databaseFile), noteSchema);
}

/** The damage is dealt with. */
export function removeDamageNote(databaseFile: string): void {
  rmSync(noteOf(databaseFile), { force: true });
}

/** Writes the report of a damage; says where. */
export function writeDamageReport(databaseFile: string, report: DamageReport): string {
  const named = report.keptAs ?? `${databaseFile}.damaged-${stampOf(Date.parse(report.foundAt))}`;
  const file = `${named}.report.json`;
  replaceFile(file, `${JSON.stringify(report, undefined, 2)}\n`);
  return file;
}

/** The latest report beside the database. */
export function readLastReport(databaseFile: string): { report: DamageReport; file: string } | undefined {
  const folder = dirname(databaseFile);
  if (!existsSync(folder)) return undefined;
  const prefix = `${basename(databaseFile)}.damaged-`;
  // The time is in the name, so the last name is the latest report.
  const [last] = readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && name.endsWith('.report.json'))
    .sort()
    .reverse();
  if (last === undefined) return undefined;
  const file = join(folder, last);
  const report = readJson(file, reportSchema);
  return report && { report, file };
}

function noteOf(databaseFile: string): string {
  return `${databaseFile}.damage.json`;
}

function readJson<T>(file: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function replaceFile(file: string, text: string): void {
  const part = `${file}.part`;
  writeFileSync(part, text);
  const handle = openSync(part, 'r+');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(part, file);
}
