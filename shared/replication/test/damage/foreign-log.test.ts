import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isReplicationError } from '../../src/errors.ts';
import { openConnection } from '../../src/sqlite.ts';
import { note, startReplica, temporaryDirectory } from '../../testing/index.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let stops: (() => Promise<void>)[];

beforeEach(() => {
  directory = temporaryDirectory();
  stops = [];
});
afterEach(async () => {
  for (const stop of stops) await stop();
  directory.remove();
});

const fileOf = (name: string, copies = ''): string => join(directory.path, copies, name, 'notes.db');

/** Leaves a replica's files as a kill would: its rows are in the log, and in the file where it was checkpointed. */
async function leaveKilled(name: string, { isCheckpointed = false } = {}): Promise<void> {
  const { replica } = await startReplica(name, { directory: directory.path });
  await replica.insert('notes', note(`${name}-1`, 'in the file'), { concern: 'local' });
  if (isCheckpointed) {
    const connection = await openConnection(fileOf(name));
    await connection.all('PRAGMA wal_checkpoint(PASSIVE)');
    await connection.close();
  }
  await replica.insert('notes', note(`${name}-2`, 'in the log'), { concern: 'local' });
  const folder = join(directory.path, 'killed', name);
  mkdirSync(folder, { recursive: true });
  for (const one of readdirSync(join(directory.path, name))) {
    if (one.startsWith('notes.db') && !one.endsWith('-shm'))
      copyFileSync(join(directory.path, name, one), join(folder, one));
  }
  await replica.stop();
}

/** Puts the log of `b` beside the file of `a`, and makes the mark say that it fits, as random salts may. */
function swapLog(): void {
  const file = fileOf('a', 'killed');
  copyFileSync(`${fileOf('b', 'killed')}-wal`, `${file}-wal`);
  const mark = readFileSync(`${file}.open`, 'utf8');
  const salt = readFileSync(`${file}-wal`).readUInt32BE(16);
  const { run } = JSON.parse(mark.slice(0, 256)) as { run: string };
  writeFileSync(`${file}.open`, `${JSON.stringify({ run, salt }).padEnd(255)}\n${mark.slice(256)}`);
}

async function start(name: string): Promise<Awaited<ReturnType<typeof startReplica>>> {
  const running = await startReplica(name, { directory: join(directory.path, 'killed') });
  stops.push(() => running.replica.stop());
  return running;
}

/** Names beside the database of `a`. */
const filesOfA = (): string[] => readdirSync(join(directory.path, 'killed', 'a'));

async function codeOfStart(name: string): Promise<string | undefined> {
  try {
    await start(name);
    return undefined;
  } catch (error) {
    return isReplicationError(error) ? error.code : String(error);
  }
}

describe('the log of another replica that begins like ours', () => {
  it('is put aside as it is, and what the file holds is used', async () => {
    await leaveKilled('a', { isCheckpointed: true });
    await leaveKilled('b');
    swapLog();
    const foreign = readFileSync(`${fileOf('a', 'killed')}-wal`);
    const { replica } = await start('a');
    expect(await replica.reads.all('SELECT note_id FROM notes')).toEqual([{ note_id: 'a-1' }]);
    const kept = filesOfA().find((name) => name.startsWith('notes.db.foreign-wal-')) ?? 'nothing';
    expect(readFileSync(join(directory.path, 'killed', 'a', kept))).toEqual(foreign);
    expect((await replica.status()).damage.what ?? (await replica.status()).damage.last?.what).toMatch(
      /of another database .* lacks 1 of the rows/,
    );
    expect(filesOfA().filter((name) => name.startsWith('alone-'))).toEqual([]);
  });

  it('is put aside where nothing of ours was in the file yet, as a run of ours had it open', async () => {
    await leaveKilled('a');
    await leaveKilled('b');
    swapLog();
    const { replica } = await start('a');
    expect(await replica.reads.all('SELECT note_id FROM notes')).toEqual([]);
    expect(filesOfA().some((name) => name.startsWith('notes.db.foreign-wal-'))).toBe(true);
  });
});

describe('our own log', () => {
  it.each([1, 4190, 4608, 7429, 8092])('stays with a file that was cut to %i bytes', async (bytes) => {
    await leaveKilled('a', { isCheckpointed: true });
    const file = fileOf('a', 'killed');
    truncateSync(file, bytes);
    const log = readFileSync(`${file}-wal`);
    const { replica } = await start('a');
    expect((await replica.status()).damage.state).toBe('held');
    expect(readFileSync(`${file}-wal`)).toEqual(log);
  });
});

describe('a database that names what cannot be a replica', () => {
  it.each(['', 'a b', '\u0001'])('is taken for damaged, not for that of somebody else (%j)', async (name) => {
    await leaveKilled('a', { isCheckpointed: true });
    const connection = await openConnection(fileOf('a', 'killed'));
    await connection.run('UPDATE replication_replica SET replica_id = ?', [name]);
    await connection.close();
    const { replica } = await start('a');
    expect((await replica.status()).damage).toMatchObject({ state: 'held' });
  });
});

describe('the directory of another replica', () => {
  it.each([true, false])('is refused and left as it was (checkpointed: %s)', async (isCheckpointed) => {
    await leaveKilled('b', { isCheckpointed });
    const folder = join(directory.path, 'killed', 'a');
    mkdirSync(folder);
    for (const suffix of ['', '-wal', '.open'])
      copyFileSync(`${fileOf('b', 'killed')}${suffix}`, `${fileOf('a', 'killed')}${suffix}`);
    const log = readFileSync(`${fileOf('a', 'killed')}-wal`);
    expect(await codeOfStart('a')).toBe('directory-refused');
    expect(filesOfA().filter((name) => /foreign|alone|damage/.test(name))).toEqual([]);
    // Its owner finds everything.
    rmSync(join(directory.path, 'killed', 'b'), { recursive: true });
    mkdirSync(join(directory.path, 'killed', 'b'));
    for (const name of filesOfA().filter((one) => one.startsWith('notes.db')))
      copyFileSync(join(folder, name), join(directory.path, 'killed', 'b', name));
    const { replica } = await start('b');
    expect(await replica.reads.all('SELECT note_id FROM notes ORDER BY note_id')).toHaveLength(2);
    expect(log.length).toBeGreaterThan(0);
    expect(existsSync(fileOf('a', 'killed'))).toBe(true);
  });
});
