import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureSecret, forgetData, openDataDirectory } from '../../src/cluster/data-directory.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('the data directory', () => {
  it('is created and marked when it is missing, and recognised afterwards', () => {
    const path = join(root, 'a', '.data');
    openDataDirectory(path);
    mkdirSync(join(path, 'order-1'));
    expect(openDataDirectory(path).databaseOf('order-1')).toBe(join(path, 'order-1', 'orders.db'));
    expect(openDataDirectory(path).databaseOf('user-service')).toBe(join(path, 'user-service', 'users.db'));
  });

  it('is refused, and left alone, when it holds other things', () => {
    writeFileSync(join(root, 'thesis.txt'), 'years of work');
    expect(() => openDataDirectory(root)).toThrow(expect.objectContaining({ code: 'directory-refused' }));
    expect(readdirSync(root)).toEqual(['thesis.txt']);
  });

  it('forgets what is ours and nothing else', () => {
    const directory = openDataDirectory(root);
    for (const folder of ['broker/log', 'order-1', 'order-12', 'user-service', 'order-notes']) {
      mkdirSync(join(root, folder), { recursive: true });
      writeFileSync(join(root, folder, 'file'), '');
    }
    for (const file of ['cluster.json', 'secret', 'dev.json', 'children.json', 'notes.md']) {
      writeFileSync(join(root, file), '');
    }
    forgetData(directory);
    expect(readdirSync(root).sort()).toEqual(['.dbsync', 'notes.md', 'order-notes']);
  });

  it('keeps a secret that only this user can read, minted once', () => {
    const directory = openDataDirectory(root);
    ensureSecret(directory);
    const secret = readFileSync(directory.secretFile, 'utf8');
    ensureSecret(directory);
    expect(readFileSync(directory.secretFile, 'utf8')).toBe(secret);
    expect(secret).toMatch(/^[0-9a-f]{64}\n$/);
    expect(statSync(directory.secretFile).mode & 0o777).toBe(0o600);
    expect(existsSync(directory.memoryFile)).toBe(false);
  });
});
