/** Folders for the files of one test, removed by `removeScratchFolders`, which test files call after each test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const folders: string[] = [];

export function scratchFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'user-service-'));
  folders.push(folder);
  return folder;
}

export function removeScratchFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
