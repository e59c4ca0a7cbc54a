import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isReplicationError, type ReplicationErrorCode } from '../src/errors.ts';
import { type Database, openConnection, openDatabase } from '../src/sqlite.ts';
import { chooseSqliteClient, type SqliteClient } from '../src/sqlite-driver.ts';
import { temporaryDirectory } from '../testing/index.ts';

const clients: readonly SqliteClient[] = ['sqlite3', 'better-sqlite3'];

let directory: ReturnType<typeof temporaryDirectory>;
let file: string;
let opened: Database[];

beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory.path, 'some.db');
  opened = [];
});
afterEach(async () => {
  for (const database of opened) await database.close();
  directory.remove();
});

async function open(): Promise<Database> {
  const database = await openDatabase({ file, busyTimeoutMs: 50 });
  opened.push(database);
  return database;
}

async function codeOf(promise: Promise<unknown>): Promise<ReplicationErrorCode | undefined> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return isReplicationError(error) ? error.code : undefined;
}

describe.each(clients)('a database (%s)', (client) => {
  beforeEach(() => chooseSqliteClient(client));

  it('is in WAL mode with full synchronisation on the connection that writes', async () => {
    const { writer } = await open();
    expect(await writer.all('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(await writer.all('PRAGMA synchronous')).toEqual([{ synchronous: 2 }]);
  });

  it('enforces no foreign keys: rows are stored before their origin is, in the same transaction', async () => {
    const { writer } = await open();
    expect(await writer.all('PRAGMA foreign_keys')).toEqual([{ foreign_keys: 0 }]);
  });

  it('gives back what was stored: text, integers, fractions, bytes and null', async () => {
    const { writer, reader } = await open();
    await writer.execute('CREATE TABLE t (a TEXT, b INTEGER, c REAL, d BLOB, e TEXT) STRICT');
    const values = ['ü 😀', Number.MAX_SAFE_INTEGER, 5, Buffer.from([0, 255]), null];
    expect(await writer.run('INSERT INTO t VALUES (?, ?, ?, ?, ?)', values)).toBe(1);
    await writer.run('INSERT INTO t VALUES (?, ?, ?, ?, ?)', ['', -1, 0.1, Buffer.alloc(0), null]);
    const rows = await reader.all('SELECT * FROM t');
    expect(rows[0]).toEqual({
      a: 'ü 😀',
      b: Number.MAX_SAFE_INTEGER,
      c: 5,
      d: Buffer.from([0, 255]),
      e: null,
    });
    expect(rows[1]).toMatchObject({ a: '', b: -1, c: 0.1 });
  });

  it('shows readers what was committed, and nothing before', async () => {
    const { writer, reader } = await open();
    await writer.execute('CREATE TABLE t (a)');
    await writer.run('BEGIN IMMEDIATE');
    await writer.run('INSERT INTO t VALUES (1)');
    expect(await reader.all('SELECT * FROM t')).toEqual([]);
    await writer.run('COMMIT');
    expect(await reader.all('SELECT * FROM t')).toEqual([{ a: 1 }]);
  });

  it('cannot be changed through its readers', async () => {
    const { writer, reader } = await open();
    await writer.execute('CREATE TABLE t (a)');
    expect(await codeOf(reader.all('INSERT INTO t VALUES (1)'))).toBe('database-failed');
    expect(await reader.all('SELECT * FROM t')).toEqual([]);
  });

  it('prepares a text again that could not be prepared before', async () => {
    const { writer } = await open();
    expect(await codeOf(writer.all('SELECT * FROM later'))).toBe('database-failed');
    await writer.execute('CREATE TABLE later (a)');
    expect(await writer.all('SELECT * FROM later')).toEqual([]);
  });

  it('is still there after it was closed and opened again', async () => {
    const first = await openDatabase({ file });
    await first.writer.execute('CREATE TABLE t (a); INSERT INTO t VALUES (7);');
    await first.close();
    expect(await (await open()).reader.all('SELECT a FROM t')).toEqual([{ a: 7 }]);
  });
});

describe.each(clients)('an error of SQLite (%s)', (client) => {
  beforeEach(() => chooseSqliteClient(client));

  it('becomes key-taken where a key is there already', async () => {
    const { writer } = await open();
    await writer.execute('CREATE TABLE t (a PRIMARY KEY)');
    await writer.run('INSERT INTO t VALUES (1)');
    expect(await codeOf(writer.run('INSERT INTO t VALUES (1)'))).toBe('key-taken');
  });

  it("becomes database-failed where another constraint is broken: that is nobody's key", async () => {
    const { writer } = await open();
    await writer.execute('CREATE TABLE t (a INTEGER NOT NULL CHECK (a > 0)) STRICT');
    expect(await codeOf(writer.run('INSERT INTO t VALUES (NULL)'))).toBe('database-failed');
    expect(await codeOf(writer.run('INSERT INTO t VALUES (0)'))).toBe('database-failed');
    expect(await codeOf(writer.run('INSERT INTO t VALUES (?)', ['text']))).toBe('database-failed');
  });

  it('becomes database-busy, within the time it may wait, while another process writes', async () => {
    const { writer } = await open();
    await writer.execute('CREATE TABLE t (a)');
    const other = await openConnection(file);
    await other.execute('BEGIN IMMEDIATE');
    const startedMs = performance.now();
    expect(await codeOf(writer.run('BEGIN IMMEDIATE'))).toBe('database-busy');
    expect(performance.now() - startedMs).toBeLessThan(2000);
    await other.execute('ROLLBACK');
    await writer.run('BEGIN IMMEDIATE');
    await writer.run('ROLLBACK');
    await other.close();
  });

  it('becomes disk-full when there is no room, and writing goes on when there is', async () => {
    const { writer } = await open();
    await writer.execute('CREATE TABLE t (a); PRAGMA max_page_count = 10;');
    const big = Buffer.alloc(100_000);
    expect(await codeOf(writer.run('INSERT INTO t VALUES (?)', [big]))).toBe('disk-full');
    await writer.execute('PRAGMA max_page_count = 1000;');
    expect(await writer.run('INSERT INTO t VALUES (?)', [big])).toBe(1);
  });

  it('becomes database-damaged where the file is no database', async () => {
    writeFileSync(
      file,
      'this is not a database, but long enough to be looked at as if it were one\n'.repeat(100),
    );
    expect(await codeOf(openDatabase({ file }))).toBe('database-damaged');
  });

  it('becomes database-failed where the file cannot be opened', async () => {
    expect(await codeOf(openDatabase({ file: join(directory.path, 'no', 'such', 'folder.db') }))).toBe(
      'database-failed',
    );
  });
});
