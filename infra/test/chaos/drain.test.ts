import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { temporaryDirectory } from '@dbsync/replication/testing';
import { describe, expect, it } from 'vitest';
import { backlogOf, drain, unrest } from '../../src/chaos/drain.ts';
import type { ReplicaLook } from '../../src/chaos/replica-look.ts';
import { CutRows } from '../../src/judge/cut-rows.ts';
import { Violations } from '../../src/judge/violations.ts';
import { quietLook as quiet, serveStatus } from './status-server.ts';

describe('quiet', () => {
  it('is when nobody is left with something to do and all are equal', () => {
    expect(unrest([quiet, { ...quiet, replicaId: 'order-2', quarantined: 3 }])).toBeNull();
  });

  it.each<[string, Partial<ReplicaLook>]>([
    ['relinking', { state: 'relinking' }],
    ['does not reach', { logReachable: false }],
    ['does not accept', { writable: false }],
    ['unpublished', { unpublished: 1 }],
    ['behind', { lag: { records: 1 } }],
    ['behind', { lag: { records: null } }],
    ['stalled', { stalled: [{ origin: 'order-2.y' }] }],
    ['differ', { digest: 'e' }],
  ])('is not while one is %s', (what, different) => {
    expect(unrest([quiet, { ...quiet, ...different }])).toContain(what);
  });

  it('is not while one does not answer', () => {
    expect(unrest([quiet, null])).toContain('does not answer');
  });
});

describe('the backlog', () => {
  it('is the most that one replica has to publish and to read', () => {
    expect(backlogOf([quiet, { ...quiet, rows: 4, unpublished: 2 }])).toBe(8);
    expect(backlogOf([quiet, { ...quiet, lag: { records: 30 } }])).toBe(30);
    expect(backlogOf([quiet, { ...quiet, lag: { records: null } }, null])).toBe(10);
  });
});

describe('the wait for a log that was cut', () => {
  it('goes on while an origin is unpublished above the rows that retention took, whatever others are', async () => {
    using file = originsFile({ a: { seq: 9, published: 0 }, b: { seq: 9, published: 4 } });
    const cut = new CutRows();
    for (let seq = 1; seq <= 9; seq += 1) cut.add({ origin: 'a', seq });
    for (let seq = 1; seq <= 7; seq += 1) cut.add({ origin: 'b', seq });
    await using replica = await serveStatus((number) => {
      if (number === lookThatPublishes) file.publish('b', 9);
      return quiet;
    });
    const violations = new Violations();
    const { isQuiet } = await drain({
      replicas: [{ ...replica, database: file.path }],
      cut,
      rowsPerSecond: 1000,
      violations,
      print: () => undefined,
    });
    expect({ isQuiet, found: violations.list() }).toEqual({ isQuiet: true, found: [] });
    expect(replica.looks()).toBeGreaterThanOrEqual(lookThatPublishes);
  });
});

/** The first look is for the backlog, and the second one would end a wait for nothing. */
const lookThatPublishes = 4;

/** The part of a replica's file that says what it saw in the log. */
function originsFile(
  origins: Readonly<Record<string, { readonly seq: number; readonly published: number }>>,
) {
  const directory = temporaryDirectory();
  const path = join(directory.path, 'orders.db');
  const database = new DatabaseSync(path);
  database.exec(`CREATE TABLE replication_origin (
    id INTEGER PRIMARY KEY, name TEXT, seq INTEGER, chain BLOB, minted INTEGER DEFAULT 0, published INTEGER)`);
  const insert = database.prepare(
    'INSERT INTO replication_origin (name, seq, chain, published) VALUES (?, ?, ?, ?)',
  );
  for (const [name, { seq, published }] of Object.entries(origins))
    insert.run(name, seq, new Uint8Array(32), published);
  return {
    path,
    publish: (name: string, published: number) =>
      database.prepare('UPDATE replication_origin SET published = ? WHERE name = ?').run(published, name),
    [Symbol.dispose]() {
      database.close();
      directory.remove();
    },
  };
}
