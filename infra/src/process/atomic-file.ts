/**
 * Writing a small file so that readers see the old text or the new one, never half of it.
 */
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** Where to write what. */
export interface AtomicFile {
  readonly path: string;
  readonly text: string;
  /** Default: 0o644. */
  readonly mode?: number;
}

/** Writes a temporary neighbour and renames it over `path`. */
export function writeFileAtomically(file: AtomicFile): void {
  const temporary = `${file.path}.${process.pid}.${randomBytes(3).toString('hex')}.new`;
  try {
    writeFileSync(temporary, file.text, { mode: file.mode ?? 0o644, flush: true });
    renameSync(temporary, file.path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
