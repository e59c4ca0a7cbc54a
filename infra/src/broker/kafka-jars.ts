/**
 * Apache Kafka's own jars, in a cache that outlives checkouts.
 *
 * Maven copies them into a temporary neighbour of the cache folder; they are compared with `jars.sha256`, and
 * the folder is renamed into place, so it is complete or not there, and two processes at once do no harm.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InfraError } from '../infra-error.ts';
import { runCommand } from '../process/run-command.ts';
import { stoppedError } from '../process/wait-for.ts';
import type { BrokerSurroundings } from './broker.ts';

/** The pinned version; `infra/kafka/pom.xml` and `jars.sha256` speak of the same one. */
export const kafkaVersion = '4.3.1';

const pomPath = fileURLToPath(new URL('../../kafka/pom.xml', import.meta.url));
const listUrl = new URL('../../kafka/jars.sha256', import.meta.url);
const downloadTimeoutMs = 15 * 60_000;

/** Slice of the surroundings that the download needs. */
export type DownloadSurroundings = Pick<BrokerSurroundings, 'environment' | 'onProgress' | 'signal'>;

/** The cache folder: `${XDG_CACHE_HOME:-~/.cache}/dbsync/kafka-<version>`. */
export function jarsFolder(environment: BrokerSurroundings['environment']): string {
  const cache = environment.XDG_CACHE_HOME;
  const root = cache && isAbsolute(cache) ? cache : join(environment.HOME || homedir(), '.cache');
  return join(root, 'dbsync', `kafka-${kafkaVersion}`);
}

/** SHA-256 of every jar that belongs there, by file name. */
export function expectedJars(list = readFileSync(listUrl, 'utf8')): Map<string, string> {
  const lines = list.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}

/** True when every jar is in the cache. */
export async function hasKafkaJars(environment: BrokerSurroundings['environment']): Promise<boolean> {
  const present = new Set(await readdir(jarsFolder(environment)).catch(() => []));
  return [...expectedJars().keys()].every((name) => present.has(name));
}

/**
 * Makes sure that the jars are in the cache and returns their folder. Safe to call from several processes.
 * @throws `download-failed` with the end of what Maven said; `stopped` when called off.
 */
export async function ensureKafkaJars(surroundings: DownloadSurroundings): Promise<string> {
  const folder = jarsFolder(surroundings.environment);
  if (await hasKafkaJars(surroundings.environment)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  removeAbandoned(folder);
  const temporary = `${folder}.downloading-${process.pid}-${Date.now()}`;
  try {
    mkdirSync(temporary);
    await download(temporary, surroundings);
    verify(temporary);
    await moveIntoPlace({ temporary, folder, environment: surroundings.environment });
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}

async function download(temporary: string, surroundings: DownloadSurroundings): Promise<void> {
  const expected = expectedJars();
  const seen = new Set<string>();
  const report = (): void =>
    surroundings.onProgress(
      `Downloading Apache Kafka ${kafkaVersion}: ${seen.size} of ${expected.size} jars`,
    );
  report();
  const result = await runCommand({
    command: 'mvn',
    args: [
      '-B',
      '-f',
      pomPath,
      'dependency:copy-dependencies',
      `-DoutputDirectory=${temporary}`,
      '-DincludeScope=runtime',
    ],
    cwd: temporary,
    env: surroundings.environment,
    timeoutMs: downloadTimeoutMs,
    signal: surroundings.signal,
    onLine: (line) => {
      const name = jarInLine(line);
      if (name === null || !expected.has(name) || seen.has(name)) return;
      seen.add(name);
      if (seen.size % 4 === 0 || seen.size === expected.size) report();
    },
  });
  if (result.outcome === 'called-off') throw stoppedError('the download of Apache Kafka');
  if (result.outcome === 'ended' && result.exitCode === 0) return;
  const said = result.output
    .split('\n')
    .filter((line) => line.includes('ERROR'))
    .slice(0, 3)
    .join('\n');
  throw new InfraError({
    code: 'download-failed',
    message: `Maven could not download Apache Kafka ${kafkaVersion} (${result.outcome}).\n${said}`.trim(),
    hint: 'See that this machine reaches a Maven repository (a mirror goes into ~/.m2/settings.xml), then start again.',
  });
}

/** The jar that one line of Maven's output says is here now, or null. */
export function jarInLine(line: string): string | null {
  const told = /(?:Downloaded from \S+ \S+\/|Copying )([^\s/]+\.jar)\b/.exec(line);
  return told?.[1] ?? null;
}

function verify(folder: string): void {
  for (const [name, expected] of expectedJars()) {
    const found = hashOf(join(folder, name));
    if (found === expected) continue;
    throw new InfraError({
      code: 'download-failed',
      message:
        found === null
          ? `Maven did not deliver ${name}.`
          : `${name} is not the file that infra/kafka/jars.sha256 names (SHA-256 ${found}).`,
      hint: 'Delete that version of it from ~/.m2/repository and start again; if it stays so, do not trust the source.',
    });
  }
}

function hashOf(path: string): string | null {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch {
    return null;
  }
}

async function moveIntoPlace(move: {
  readonly temporary: string;
  readonly folder: string;
  readonly environment: BrokerSurroundings['environment'];
}): Promise<void> {
  // An incomplete folder (somebody deleted a jar) goes first; a complete one is another process's work: keep it.
  if (await hasKafkaJars(move.environment)) return;
  rmSync(move.folder, { recursive: true, force: true });
  try {
    renameSync(move.temporary, move.folder);
  } catch (error) {
    if (!(await hasKafkaJars(move.environment))) throw error;
  }
}

/** Removes what downloads of dead processes left behind. */
function removeAbandoned(folder: string): void {
  const mark = `${basename(folder)}.downloading-`;
  for (const name of readdirSync(dirname(folder))) {
    if (!name.startsWith(mark)) continue;
    const pid = Number(name.slice(mark.length).split('-')[0]);
    if (!isAlive(pid)) rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
