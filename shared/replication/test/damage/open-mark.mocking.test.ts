import { existsSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { judgeWal, markedRun, OpenMark } from '../../src/damage/open-mark.ts';
import { temporaryDirectory } from '../../testing/index.ts';

const synced = vi.hoisted((): string[] => []);

vi.mock(import('node:fs'), async (importOriginal) => {
  const real = await importOriginal();
  const fsyncSync = (handle: number): void => {
    const path = readlinkSync(`/proc/self/fd/${handle}`);
    // What is synced is what is there at that moment.
    const mark = path.endsWith('.open') ? `with ${statSync(path).size} bytes` : '';
    const isMarked = existsSync(join(path, 'notes.db.open')) ? 'with the mark' : 'without it';
    synced.push(`${path.replace(/.*\//, '')} ${mark || isMarked}`);
    real.fsyncSync(handle);
  };
  return { ...real, fsyncSync };
});

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;
let folder: string;

beforeEach(() => {
  synced.length = 0;
  directory = temporaryDirectory();
  file = join(directory.path, 'notes.db');
  folder = directory.path.replace(/.*\//, '');
});
afterEach(() => directory.remove());

/** A write-ahead log that began with this salt. */
function writeLog(salt: number): void {
  const header = Buffer.alloc(32);
  header.writeUInt32BE(salt, 16);
  writeFileSync(`${file}-wal`, header);
}

describe('the mark of an open database', () => {
  it('is on the disk, with its entry in the folder, before it counts, and so is its removal', () => {
    writeLog(7);
    const mark = new OpenMark(file, 'a.run');
    expect(synced).toEqual([`notes.db.open with ${256 + 16} bytes`, `${folder} with the mark`]);
    mark.remove();
    expect(synced.slice(2)).toEqual([`${folder} without it`]);
  });

  it('tells how far the run had come, and the log that belongs to the file from another one', () => {
    writeLog(7);
    const mark = new OpenMark(file, 'a.run');
    mark.committed(12);
    expect(markedRun(file)).toMatchObject({ run: 'a.run', seq: 12 });
    expect(judgeWal(file)).toBe('fits');
    writeLog(6);
    expect(judgeWal(file)).toBe('foreign');
    mark.remove();
    expect(markedRun(file)).toBeUndefined();
  });
});
