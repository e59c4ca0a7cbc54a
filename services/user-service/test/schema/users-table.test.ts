import path from 'node:path';
import type { Knex } from 'knex';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmailTakenError, type NewUser, type UserStore, UserStoreError } from '../../src/domain/user.ts';
import { openUsersDatabase } from '../../src/schema/users-database.ts';
import { createUsersTable } from '../../src/schema/users-table.ts';
import { removeScratchFolders, scratchFolder } from '../scratch-folder.ts';

const user = (n: number, createdAt = '2026-11-23T10:00:00.000Z'): NewUser => ({
  userId: `u-${n}`,
  email: `user${n}@example.com`,
  name: `User ${n}`,
  createdAt,
  passwordHash: '$argon2id$not-for-logs',
});

describe('the users table', () => {
  let file: string;
  let database: Knex;
  let store: UserStore;
  beforeEach(async () => {
    file = path.join(scratchFolder(), 'made', 'on', 'the', 'way', 'users.db');
    database = await openUsersDatabase(file);
    store = await createUsersTable(database);
  });
  afterEach(async () => {
    await database.destroy();
    removeScratchFolders();
  });

  it('is kept in WAL mode and synced at every commit', async () => {
    expect(await database.raw('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(await database.raw('PRAGMA synchronous')).toEqual([{ synchronous: 2 }]);
  });

  it('keeps users over a restart', async () => {
    await store.insert(user(1));
    await database.destroy();
    database = await openUsersDatabase(file);
    store = await createUsersTable(database);
    const { passwordHash, ...visible } = user(1);
    expect(await store.find('u-1')).toEqual(visible);
    expect(passwordHash).toContain('argon2id');
    expect(await store.find('u-2')).toBeUndefined();
  });

  it('takes an email once, whatever its case', async () => {
    await store.insert(user(1));
    expect(await store.hasEmail('USER1@Example.COM')).toBe(true);
    await expect(store.insert({ ...user(2), email: 'User1@EXAMPLE.com' })).rejects.toThrow(EmailTakenError);
    expect(await store.hasEmail('user2@example.com')).toBe(false);
  });

  it('lists in order of creation, then id, and continues after a place without gap or repeat', async () => {
    const later = '2026-11-23T10:00:00.001Z';
    for (const each of [user(5, later), user(2), user(4, later), user(1), user(3)]) await store.insert(each);
    const ids = async (limit: number, after?: { createdAt: string; id: string }) =>
      (await store.list({ limit, after })).map(({ userId }) => userId);
    expect(await ids(10)).toEqual(['u-1', 'u-2', 'u-3', 'u-4', 'u-5']);
    expect(await ids(2, { createdAt: user(2).createdAt, id: 'u-2' })).toEqual(['u-3', 'u-4']);
    expect(await ids(2, { createdAt: later, id: 'u-5' })).toEqual([]);
  });

  it('says that the disk is full, without the values of the statement', async () => {
    const [{ page_count }] = (await database.raw('PRAGMA page_count')) as [{ page_count: number }];
    await database.raw(`PRAGMA max_page_count = ${page_count}`);
    const big = { ...user(1), name: 'x'.repeat(100_000) };
    const error: unknown = await store.insert(big).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserStoreError);
    expect(error).toMatchObject({ reason: 'full' });
    expect(error).not.toHaveProperty('cause');
    expect((error as Error).stack).not.toContain('argon2id');
  });

  it('says that the file is in use when another process holds it too long', async () => {
    const other = await openUsersDatabase(file);
    try {
      await database.raw('PRAGMA busy_timeout = 20');
      await other.raw('BEGIN IMMEDIATE');
      await expect(store.insert(user(1))).rejects.toMatchObject({ reason: 'busy' });
      await other.raw('ROLLBACK');
      await store.insert(user(1));
    } finally {
      await other.destroy();
    }
  });

  it('hides the values of a statement that fails for any other reason', async () => {
    await database.raw('DROP TABLE users');
    const error: unknown = await store.insert(user(1)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ reason: 'failed' });
    expect((error as Error).stack).not.toContain('argon2id');
  });
});

describe('openUsersDatabase', () => {
  it('names the file that cannot be opened', async () => {
    const folder = scratchFolder();
    await expect(openUsersDatabase(folder)).rejects.toThrow(`the database file ${folder} cannot be opened`);
    removeScratchFolders();
  });
});
