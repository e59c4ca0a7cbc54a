/**
 * `dbsync snapshot save|load FILE`: backups, as the very bytes that a new replica is built from.
 *
 * `save` asks a running replica and checks what arrives before the file gets its name. `load` puts a copy where a
 * replica that is not running will find it: an empty data directory, never one with data.
 */
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { receiveSnapshot, type SnapshotManifest } from '@dbsync/replication';
import { errorText, InfraError } from '../infra-error.ts';
import type { ReplicaProbe } from '../verify/replica-probe.ts';
import type { OperatorCommand } from './operator.ts';

/** Longest time for a whole snapshot, in milliseconds. */
const saveMs = 3_600_000;

/** `snapshot save FILE`: from the first replica that answers. */
export const saveSnapshotCommand: OperatorCommand = async ({ replicas, words, isJson, print }) => {
  const file = requiredFile(words[1], 'snapshot save FILE');
  const part = `${file}.part`;
  try {
    await download(replicas, part);
    const manifest = await check(part, `${part}.db`);
    rmSync(`${part}.db`);
    renameSync(part, file);
    print(isJson ? JSON.stringify({ file, ...manifest }) : `saved ${describe(manifest)} to ${file}`);
    return 0;
  } finally {
    rmSync(part, { force: true });
    rmSync(`${part}.db`, { force: true });
  }
};

/**
 * Puts the snapshot in `file` at `database`, whose replica must not run and must not exist yet.
 * @throws `directory-refused` when there is a database, `bad-usage` when the file is no snapshot.
 */
export async function loadSnapshot(options: { file: string; database: string }): Promise<SnapshotManifest> {
  const { file, database } = options;
  // A log that was left behind would be played into the snapshot.
  if (existsSync(database) || existsSync(`${database}-wal`)) {
    throw new InfraError({
      code: 'directory-refused',
      message: `${database} is there already; a snapshot is loaded into an empty directory only.`,
      hint: 'Stop the replica and move its data directory aside first.',
    });
  }
  mkdirSync(dirname(database), { recursive: true });
  const part = join(dirname(database), 'load.part');
  const manifest = await check(file, part);
  renameSync(part, database);
  return manifest;
}

/** In words. */
export function describe({ rows, origins, bytes, takenAt }: SnapshotManifest): string {
  return `${rows} rows of ${origins} runs, ${bytes} bytes, taken ${takenAt}`;
}

/** The file that a command needs. @throws `bad-usage`. */
export function requiredFile(word: string | undefined, usage: string): string {
  if (word !== undefined && word !== '') return word;
  throw new InfraError({ code: 'bad-usage', message: 'A file is missing.', hint: `pnpm dbsync ${usage}` });
}

async function download(replicas: readonly ReplicaProbe[], part: string): Promise<void> {
  const reasons: string[] = [];
  for (const { url } of replicas) {
    try {
      const answer = await fetch(new URL('/replication/snapshot', url), {
        signal: AbortSignal.timeout(saveMs),
      });
      if (!answer.ok || !answer.body) throw new Error(`it answers ${answer.status}`);
      await pipeline(Readable.fromWeb(answer.body), createWriteStream(part));
      return;
    } catch (error) {
      reasons.push(`${url}: ${errorText(error)}`);
    }
  }
  throw new InfraError({
    code: 'not-found',
    message: `No replica gave a snapshot.\n${reasons.join('\n')}`,
    hint: 'Check that a replica runs and is ready.',
  });
}

async function check(file: string, target: string): Promise<SnapshotManifest> {
  try {
    return await receiveSnapshot(createReadStream(file), { file: target });
  } catch (cause) {
    throw new InfraError({
      code: 'bad-usage',
      message: `${file} cannot be used: ${errorText(cause)}`,
      hint: 'Take another snapshot with pnpm dbsync snapshot save FILE.',
      cause,
    });
  }
}
