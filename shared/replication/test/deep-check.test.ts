import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DeepCheck, deepCheck } from '../src/deep-check.ts';
import { openConnection } from '../src/sqlite.ts';
import {
  type ApplierBench,
  ForeignRun,
  MemoryBroker,
  note,
  openApplierBench,
  originName,
  rawRecord,
} from '../testing/index.ts';

let bench: ApplierBench;
let broker: MemoryBroker;
const theirs = originName('a');

/** Own rows in both tables, 600 rows of another origin, one of them hidden, and two rows with one key. */
beforeEach(async () => {
  broker = new MemoryBroker({ isStepped: true });
  bench = await openApplierBench({ broker });
  const run = new ForeignRun(theirs);
  for (let i = 1; i <= 600; i += 1) {
    const bytes = i === 300 ? { bytes: Buffer.from('{}') } : {};
    broker.appendRaw(0, rawRecord(run.write(note(i === 7 ? 'shared' : `a${i}`), bytes)));
  }
  await bench.readAll(0);
  const tag = { tag: 'red', created_at: '2026-01-02T03:04:05.678Z' };
  await bench.writer.insert(bench.table('notes'), note('m1'));
  await bench.writer.insert(bench.table('tags'), tag);
  const other = new ForeignRun(originName('b'));
  broker.appendRaw(1, rawRecord(other.write(note('shared'))));
  await bench.readAll(1);
});
afterEach(() => bench.close());

const check = (): Promise<DeepCheck> => {
  const { history, origins, chain, database } = bench;
  return deepCheck({ history, origins, chain, reader: database.reader });
};

/** Changes the file as another program would. */
async function tamper(sql: string): Promise<DeepCheck> {
  const other = await openConnection(bench.file);
  await other.execute(sql);
  await other.close();
  return check();
}
const idOf = (origin: string): number => bench.origins.get(origin)?.id ?? -1;
const places = ({ problems }: DeepCheck): string[] => problems.map(({ origin, seq }) => `${origin}:${seq}`);

describe('the deep check', () => {
  it('finds that the rows hash to the digest when nobody touched them', async () => {
    const found = await check();
    expect(found.problems).toEqual([]);
    expect(found.digest).toBe(found.expected);
    expect(found.rows).toBe(603);
  });

  it.each<[string, string]>([
    ['a changed text', "UPDATE notes SET text = 'x' WHERE note_id = 'a501'"],
    ['a changed number', "UPDATE notes SET stars = 4 WHERE note_id = 'a501'"],
    ['a changed key', "UPDATE notes SET note_id = 'zzz' WHERE note_id = 'a501'"],
    ['a changed schema version', "UPDATE notes SET schema_version = 2 WHERE note_id = 'a501'"],
    ['a changed link', "UPDATE notes SET chain = zeroblob(32) WHERE note_id = 'a501'"],
    ['a missing row', "DELETE FROM notes WHERE note_id = 'a501'"],
  ])('finds %s and names the row', async (_, sql) => {
    const found = await tamper(sql);
    expect(places(found)).toEqual([`${theirs}:501`]);
    expect(found.digest).not.toBe(found.expected);
  });

  it('finds changed bytes of a hidden row', async () => {
    expect(places(await tamper("UPDATE replication_hidden SET bytes = x'5b5d'"))).toEqual([`${theirs}:300`]);
  });

  it('finds rows that changed places', async () => {
    const found = await tamper(
      `UPDATE notes SET seq = 9999 WHERE note_id = 'a500';
       UPDATE notes SET seq = 500 WHERE note_id = 'a501';
       UPDATE notes SET seq = 501 WHERE note_id = 'a500';`,
    );
    expect(places(found)).toEqual([`${theirs}:500`]);
  });

  it('names one place for each origin that is damaged', async () => {
    const found = await tamper("UPDATE notes SET text = 'x' WHERE note_id IN ('a3', 'a4', 'm1')");
    expect(places(found).sort()).toEqual([`${theirs}:3`, `${bench.own.name}:1`].sort());
  });

  it('finds a row too many behind the last one', async () => {
    const found = await tamper(
      `INSERT INTO notes SELECT 'more', text, stars, weight, created_at, origin, 601, 1, chain, 0
       FROM notes WHERE note_id = 'a600'`,
    );
    expect(places(found)).toEqual([`${theirs}:601`]);
  });

  it('finds a row of an origin that nobody knows', async () => {
    const found = await tamper(
      `INSERT INTO notes SELECT 'more', text, stars, weight, created_at, 99, 1, 1, chain, 0
       FROM notes WHERE note_id = 'a600'`,
    );
    expect(places(found)).toEqual(['?:1']);
  });

  it('finds a second row at a place that is taken in another table', async () => {
    const found = await tamper(
      `INSERT INTO notes SELECT 'more', text, stars, weight, created_at, ${idOf(bench.own.name)}, 2, 1, chain, 0
       FROM notes WHERE note_id = 'a600'`,
    );
    expect(places(found)).toEqual([`${bench.own.name}:2`]);
  });

  it('finds a row that is hidden from readers without reason', async () => {
    expect(places(await tamper("UPDATE notes SET superseded = 1 WHERE note_id = 'a10'"))).toEqual([
      `${theirs}:10`,
    ]);
  });

  it('finds that the wrong one of two rows with one key is shown', async () => {
    const found = await tamper(
      `UPDATE notes SET superseded = 1 WHERE note_id = 'shared';
       UPDATE notes SET superseded = 0 WHERE note_id = 'shared' AND origin = ${idOf(originName('b'))};`,
    );
    expect(places(found)).toEqual([`${theirs}:7`]);
  });

  it('looks at one moment, whatever is written meanwhile', async () => {
    const writing = Array.from({ length: 200 }, (_, i) =>
      bench.writer.insert(bench.table('notes'), note(`w${i}`)),
    );
    const found = await check();
    await Promise.all(writing);
    expect(found.problems).toEqual([]);
    expect(found.digest).toBe(found.expected);
  });
});
