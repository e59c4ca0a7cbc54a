import { beforeEach, describe, expect, it } from 'vitest';
import { Origins } from '../src/origins.ts';
import { Registry } from '../src/registry.ts';
import { newestRowVersion, WriteVersion, type WriteVersionOptions } from '../src/write-version.ts';
import {
  beatOf,
  newerNotesDatabase,
  note,
  openWorkbench,
  originName,
  SimulatedClock,
} from '../testing/index.ts';

const HOLD_MS = 60_000;

let clock: SimulatedClock;
let registry: Registry;
let origins: Origins;
let beats: number;

beforeEach(() => {
  clock = new SimulatedClock();
  registry = new Registry(clock);
  origins = new Origins();
  beats = 0;
});

/** Lets time pass with a beat a second of each run, by name and version. */
function listen(seconds: number, ...heard: (readonly [origin: string, version: number])[]): void {
  for (let i = 0; i < seconds; i += 1) {
    clock.advance(1000);
    beats += 1;
    for (const [origin, schemaVersion] of heard) registry.hear(beatOf(origin, beats, { schemaVersion }));
  }
}

function versionOf(change: Partial<WriteVersionOptions> = {}): WriteVersion {
  return new WriteVersion({
    known: 3,
    replicaId: 'a',
    origins,
    registry,
    holdMs: HOLD_MS,
    isAlone: false,
    isRemoved: () => false,
    newestRow: 1,
    accepted: 0,
    ...change,
  });
}

const a = originName('a');
const b = originName('b');
const c = originName('c');

describe('the version that rows are written in', () => {
  it('is that of the rows that are here until everybody alive must have been heard', () => {
    const version = versionOf();
    listen(4, [a, 3]);
    expect(version.current).toBe(1);
    expect(versionOf({ newestRow: 2 }).current).toBe(2);
    listen(2, [a, 3]);
    expect(version.current).toBe(3);
  });

  it('is the newest that everybody who was heard knows', () => {
    const version = versionOf();
    listen(6, [a, 3], [b, 3], [c, 2]);
    expect(version.current).toBe(2);
    expect(version.olderReplicas()).toEqual([{ replicaId: 'c', schemaVersion: 2 }]);
    listen(1, [a, 3], [b, 3], [originName('c', 2), 3]);
    expect(version.current).toBe(3);
    expect(version.olderReplicas()).toEqual([]);
  });

  it('follows a replica that is rolled back, as long as no row is newer', () => {
    const version = versionOf();
    listen(6, [a, 3], [b, 3]);
    expect(version.current).toBe(3);
    listen(1, [a, 3], [originName('b', 2), 1]);
    expect(version.current).toBe(1);
    version.stored(2);
    expect(version.current).toBe(2);
    version.stored(3);
    expect(version.current).toBe(3);
  });

  it('counts the latest run of a replica, in whatever order its runs are heard', () => {
    const version = versionOf();
    listen(6, [a, 3], [originName('b', 5), 2], [originName('b', 4), 3]);
    expect(version.current).toBe(2);
  });

  it('waits for a replica that left until it was silent for the hold', () => {
    const version = versionOf();
    listen(6, [a, 3], [b, 1]);
    registry.hear(beatOf(b, 99, { schemaVersion: 1, state: 'leaving' }));
    listen(59, [a, 3]);
    expect(version.current).toBe(1);
    expect(version.olderReplicas()).toEqual([{ replicaId: 'b', schemaVersion: 1 }]);
    listen(1, [a, 3]);
    expect(version.current).toBe(3);
  });

  it('waits for whoever wrote rows that are here, although he was not heard in this run', () => {
    origins.set({ ...origins.fresh(b, { isMinted: false }), seq: 1 });
    origins.set({ ...origins.fresh(originName('a', 0), { isMinted: true }), seq: 1 });
    const version = versionOf();
    listen(59, [a, 3]);
    expect(version.current).toBe(1);
    expect(version.olderReplicas()).toEqual([{ replicaId: 'b', schemaVersion: null }]);
    listen(1, [a, 3]);
    expect(version.current).toBe(3);
  });

  it('does not wait for a replica that was removed, unless it announces itself all the same', () => {
    origins.set({ ...origins.fresh(b, { isMinted: false }), seq: 1 });
    const version = versionOf({ isRemoved: (id) => id === 'b' });
    listen(6, [a, 3]);
    expect(version.current).toBe(3);
    listen(2, [a, 3], [b, 2]);
    expect(version.current).toBe(2);
  });

  it("takes an outage of the announcements for nobody's silence", () => {
    const version = versionOf();
    listen(6, [a, 3], [b, 1]);
    clock.advance(10 * HOLD_MS);
    expect(version.current).toBe(1);
  });

  it("is the newest at an operator's word, and where nobody else reads the rows", () => {
    expect(versionOf({ accepted: 3 }).current).toBe(3);
    expect(versionOf({ isAlone: true }).current).toBe(3);
    const version = versionOf();
    version.stored(3);
    expect(version.current).toBe(3);
  });

  it('is never one that this build does not know', () => {
    listen(6, [a, 1], [b, 3]);
    expect(versionOf({ known: 1 }).current).toBe(1);
    expect(versionOf({ known: 2, newestRow: 3 }).current).toBe(2);
  });
});

describe('the writer', () => {
  const later = { ...note('later'), colour: 'red' };

  it('refuses a value of a later column, and a row of a later table, while it writes an older version', async () => {
    let version = 1;
    const writer = { schemaVersion: () => version };
    const bench = await openWorkbench({ description: newerNotesDatabase, writer });
    const insert = async (table: string, row: unknown) => bench.writer.insert(bench.table(table), row);
    const link = { link: 'l', created_at: '2026-01-02T03:04:05.678Z' };
    await expect(insert('notes', later)).rejects.toMatchObject({
      code: 'version-pending',
      isRetryable: true,
    });
    await expect(insert('links', link)).rejects.toMatchObject({ code: 'version-pending' });
    expect((await insert('notes', note('first'))).seq).toBe(1);
    version = 2;
    expect((await insert('notes', later)).seq).toBe(2);
    expect((await insert('links', link)).seq).toBe(3);
    const rows = await bench.database.reader.all(
      'SELECT note_id, colour, schema_version FROM notes ORDER BY seq',
    );
    expect(rows).toEqual([
      { note_id: 'first', colour: null, schema_version: 1 },
      { note_id: 'later', colour: 'red', schema_version: 2 },
    ]);
    await bench.close();
  });

  it('never goes back within a run, whatever it is told between two rows', async () => {
    let version = 2;
    const told: number[] = [];
    const bench = await openWorkbench({
      description: newerNotesDatabase,
      isManual: true,
      writer: { schemaVersion: () => version, committed: (_own, stored) => told.push(stored) },
    });
    const insert = (id: string) => bench.writer.insert(bench.table('notes'), note(id));
    version = 1;
    const queued = [insert('a')];
    version = 2;
    queued.push(insert('b'));
    version = 1;
    queued.push(insert('c'));
    await bench.writer.commitOnce();
    queued.push(insert('d'));
    await bench.writer.commitOnce();
    await Promise.all(queued);
    const rows = await bench.database.reader.all('SELECT schema_version FROM notes ORDER BY seq');
    expect(rows).toEqual([2, 2, 2, 2].map((schema_version) => ({ schema_version })));
    expect(told).toEqual([2, 2]);
    const events = await bench.history.read(bench.database.reader, bench.origins.list()[0] ?? bench.own, {
      after: 0,
      upTo: 4,
      limit: 10,
    });
    for (const event of events) expect(bench.chain.verify(event.chain, event.previous, event)).toBe(true);
    expect(await newestRowVersion(bench.database.reader, bench.tables)).toBe(2);
    await bench.close();
  });
});
