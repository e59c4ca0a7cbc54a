import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deepCheck } from '../src/deep-check.ts';
import { Origins } from '../src/origins.ts';
import { type SnapshotManifest, type TakenSnapshot, takeSnapshot } from '../src/snapshot.ts';
import { receiveSnapshot, snapshotBytes } from '../src/snapshot-stream.ts';
import { openConnection, type SqlRow } from '../src/sqlite.ts';
import {
  type ApplierBench,
  ForeignRun,
  MemoryBroker,
  note,
  openApplierBench,
  originName,
  rawRecord,
} from '../testing/index.ts';

let broker: MemoryBroker;
let bench: ApplierBench;
let taken: TakenSnapshot | undefined;
const theirs = new ForeignRun(originName('a'));
const late = { ...note('shared'), created_at: '2026-01-02T09:00:00.000Z' };
const early = { ...note('shared'), created_at: '2026-01-02T01:00:00.000Z' };
const events = [theirs.write(note('a1')), theirs.write(late)];

/** Two rows from elsewhere, two own ones that the log has, and two that it does not have yet. */
beforeEach(async () => {
  broker = new MemoryBroker({ isStepped: true, partitions: 1 });
  bench = await openApplierBench({ broker });
  bench.publisher.connected(1);
  for (const id of ['m1', 'm2']) await bench.writer.insert(bench.table('notes'), note(id));
  await bench.publisher.publishOnce();
  for (const event of events) broker.appendRaw(0, rawRecord(event));
  await bench.writer.insert(bench.table('notes'), early);
  await bench.writer.insert(bench.table('tags'), { tag: 'red', created_at: '2026-01-02T03:04:05Z' });
  await bench.readAll(0);
});
afterEach(async () => {
  await taken?.remove();
  taken = undefined;
  await bench.close();
});

async function take(): Promise<TakenSnapshot> {
  const { file, own, tables } = bench;
  taken = await takeSnapshot({
    databaseFile: file,
    cluster: 'test',
    own: own.name,
    tables,
    now: Date.now(),
    observe: () => undefined,
  });
  return taken;
}

async function inside<T extends object = SqlRow>(snapshot: TakenSnapshot, sql: string): Promise<T[]> {
  const copy = await openConnection(snapshot.file);
  try {
    return await copy.all<T>(sql);
  } finally {
    await copy.close();
  }
}

describe('a snapshot', () => {
  it('has a stall for own rows that the donor has passed ahead of one that the log lacks, until the log has all', async () => {
    await bench.publisher.publishOnce();
    const [third, fourth] = broker.records(0).slice(-2);
    if (!third || !fourth) throw new Error('nothing was published');
    const again = ({ key, value, headers }: typeof third): number =>
      broker.appendRaw(0, { key, value, headers });
    broker.truncate(0, 4);
    again(fourth);
    again(fourth);
    await bench.readAll(0);
    const ahead = await take();
    const stalls = 'SELECT origin, reason, partition, next FROM replication_stall';
    expect(await inside(ahead, stalls)).toEqual([
      { origin: bench.own.name, reason: 'hole', partition: 0, next: 4 },
    ]);
    expect(ahead.manifest).toMatchObject({ rows: 4, positions: [{ next: 6 }] });
    await ahead.remove();
    again(third);
    again(fourth);
    await bench.readAll(0);
    const whole = await take();
    expect(await inside(whole, stalls)).toEqual([]);
    expect(await inside(whole, 'SELECT * FROM replication_stall_place')).toEqual([]);
    expect(whole.manifest.rows).toBe(6);
    expect(await bench.database.reader.all('SELECT * FROM replication_stall_place')).toEqual([]);
  });

  it('holds what the log holds of the donor, and all of everybody else', async () => {
    const snapshot = await take();
    expect(
      await inside(snapshot, 'SELECT name, seq, minted, partition FROM replication_origin ORDER BY name'),
    ).toEqual([
      { name: theirs.origin, seq: 2, minted: 0, partition: null },
      { name: bench.own.name, seq: 2, minted: 0, partition: null },
    ]);
    expect(await inside(snapshot, 'SELECT * FROM tags')).toEqual([]);
    expect(await inside(snapshot, 'SELECT next FROM replication_position')).toEqual([{ next: 4 }]);
    expect(await inside(snapshot, 'SELECT * FROM replication_replica')).toEqual([]);
    expect(snapshot.manifest).toMatchObject({ rows: 4, origins: 2, cluster: 'test', schemaVersion: 1 });
  });

  it('shows a row again that only a row of the donor which is not in it had superseded', async () => {
    const shown = "SELECT created_at FROM notes WHERE note_id = 'shared' AND superseded = 0";
    expect(await bench.database.reader.all(shown)).toEqual([{ created_at: early.created_at }]);
    expect(await inside(await take(), shown)).toEqual([{ created_at: late.created_at }]);
  });

  it('hashes to what its manifest says, row by row', async () => {
    const { file, manifest } = await take();
    const copy = await openConnection(file);
    const { chain, history } = bench;
    const found = await deepCheck({ reader: copy, history, chain, origins: await Origins.load(copy) });
    await copy.close();
    expect(found.problems).toEqual([]);
    expect([found.digest, found.rows]).toEqual([manifest.digest, manifest.rows]);
  });

  it('leaves the donor as it was', async () => {
    const before = bench.origins.vector();
    await take();
    expect((await Origins.load(bench.database.reader)).vector()).toEqual(before);
    const { history, origins, chain, database } = bench;
    expect((await deepCheck({ history, origins, chain, reader: database.reader })).problems).toEqual([]);
  });

  it('is removed whole', async () => {
    const { file, remove } = await take();
    await remove();
    expect(existsSync(dirname(file))).toBe(false);
  });
});

describe('a snapshot that is received', () => {
  const target = (): string => join(dirname(bench.file), 'received');

  async function receive(change: (bytes: Buffer) => Buffer): Promise<SnapshotManifest> {
    const parts: Buffer[] = [];
    for await (const part of snapshotBytes(await take())) parts.push(part);
    const bytes = change(Buffer.concat(parts));
    const source = (async function* () {
      for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
    })();
    return receiveSnapshot(source, { file: target() });
  }

  it('is the one that was sent', async () => {
    const manifest = await receive((bytes) => bytes);
    expect(manifest).toEqual(taken?.manifest);
    expect(readFileSync(target()).equals(readFileSync(taken?.file ?? ''))).toBe(true);
  });

  const withManifest = (change: object) => (bytes: Buffer) => {
    const end = bytes.indexOf(0x0a);
    const manifest = { ...JSON.parse(bytes.subarray(0, end).toString()), ...change };
    return Buffer.concat([Buffer.from(JSON.stringify(manifest)), bytes.subarray(end)]);
  };

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['is cut short', (bytes) => bytes.subarray(0, -1)],
    ['is too long', (bytes) => Buffer.concat([bytes, Buffer.from('x')])],
    [
      'has a byte changed',
      (bytes) => {
        const at = bytes.length - 100;
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        return bytes;
      },
    ],
    ['is nothing', () => Buffer.alloc(0)],
    ['has no manifest', (bytes) => bytes.subarray(bytes.indexOf(0x0a))],
    ['has no line feed', () => Buffer.alloc(100_000, 0x78)],
    ['is of another format', withManifest({ format: 'dbsync-snapshot-2' })],
    ['claims other bytes', withManifest({ sha256: 'ab'.repeat(32) })],
    ['claims something unknown', withManifest({ more: 1 })],
  ])('is refused and left nowhere when it %s', async (_, change) => {
    await expect(receive(change)).rejects.toMatchObject({ code: 'snapshot-refused', isRetryable: true });
    expect(existsSync(target())).toBe(false);
  });
});
