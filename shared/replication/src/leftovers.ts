/**
 * Leftovers: copies of the database in the making that a crash has left in a replica's directory.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DOWNLOAD_FILE } from './bootstrap.ts';
import { ALONE_PREFIX } from './damage/foreign-log.ts';
import { HELD_PREFIX } from './damage/prepare-file.ts';
import { SNAPSHOT_PREFIX } from './snapshot.ts';

const PREFIXES = [SNAPSHOT_PREFIX, HELD_PREFIX, ALONE_PREFIX];

/** Removes them from `folder`, whose lock is held. */
export function removeLeftovers(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name === DOWNLOAD_FILE || PREFIXES.some((prefix) => name.startsWith(prefix))) {
      rmSync(join(folder, name), { recursive: true, force: true });
    }
  }
}
