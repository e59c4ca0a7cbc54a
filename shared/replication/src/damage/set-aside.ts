/**
 * Setting a damaged database aside: the file and its write-ahead log get another name in the same directory, nothing
 * of them is changed. Interrupted at any point, it is finished by doing it again.
 */
import { copyFileSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { type DamageNote, saveDamageNote } from './damage-note.ts';
import { unmark } from './open-mark.ts';

/** Moves the database out of the way; it must not be open. Idempotent. */
export function setAside(databaseFile: string, note: DamageNote): DamageNote {
  const moved: DamageNote = { ...note, phase: 'set-aside' };
  if (note.phase === 'found') saveDamageNote(databaseFile, moved);
  // What is kept is kept already: the file that is there now is the new one.
  if (note.phase === 'set-aside' && existsSync(note.keptAs)) return moved;
  rmSync(`${databaseFile}-shm`, { force: true });
  // The file itself goes last: where it still has its name, all of this has to be done again.
  for (const suffix of ['-wal', '']) {
    if (existsSync(`${databaseFile}${suffix}`)) {
      renameSync(`${databaseFile}${suffix}`, `${note.keptAs}${suffix}`);
    }
  }
  // Where only the log was left, a file of no bytes says that all of this is done.
  if (!existsSync(note.keptAs)) writeFileSync(note.keptAs, '');
  unmark(databaseFile);
  return moved;
}

/** Keeps a copy of the log alone, beside a database that goes on being used. */
export function keepLog(databaseFile: string, keptAs: string): void {
  if (existsSync(keptAs)) return;
  copyFileSync(`${databaseFile}-wal`, `${keptAs}-wal`);
  writeFileSync(keptAs, '');
}
