import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GENESIS } from '../src/chain.ts';
import { isReplicationError } from '../src/errors.ts';
import { note, openWorkbench, type Workbench } from '../testing/index.ts';

let bench: Workbench;
beforeEach(async () => {
  bench = await openWorkbench();
});
afterEach(() => bench.close());

const own = () => bench.origins.get(bench.own.name) ?? bench.own;

async function write(count: number, from = 0): Promise<void> {
  const inserts = Array.from({ length: count }, (_, i) => {
    const number = from + i;
    const row = { tag: `t${number}`, created_at: '2026-01-02T03:04:05.678Z' };
    return number % 3 === 2
      ? bench.writer.insert(bench.table('tags'), row)
      : bench.writer.insert(bench.table('notes'), note(`n${number}`));
  });
  await Promise.all(inserts);
}

const read = (after: number, limit = 1000, upTo = own().seq) =>
  bench.history.read(bench.database.reader, own(), { after, upTo, limit });

describe('the history of an origin', () => {
  it('is read back over all tables in one order, each event linked to the one before', async () => {
    await write(700);
    const events = await read(0);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: 700 }, (_, i) => i + 1));
    let previous = GENESIS;
    for (const event of events) {
      expect(event.previous.equals(previous)).toBe(true);
      expect(bench.chain.verify(event.chain, event.previous, event)).toBe(true);
      previous = event.chain;
    }
    expect(previous.equals(own().chain)).toBe(true);
    expect(new Set(events.map(({ table }) => table))).toEqual(new Set(['notes', 'tags']));
  });

  it('can be read in any stretch, and the first event of a stretch carries the link before it', async () => {
    await write(20);
    const all = await read(0);
    for (const [after, limit] of [
      [0, 1],
      [1, 1],
      [5, 7],
      [19, 5],
      [13, 100],
    ] as const) {
      expect(await read(after, limit)).toEqual(all.slice(after, after + limit));
    }
    expect(await read(20)).toEqual([]);
    expect(await read(0, 10, 0)).toEqual([]);
    expect(await read(3, 10, 5)).toEqual(all.slice(3, 5));
  });

  it('keeps key and time of each row for its envelope', async () => {
    await write(3);
    const events = await read(0);
    expect(events.map(({ key }) => key)).toEqual(['n0', 'n1', 't2']);
    expect(events[0]?.time).toBe('2026-01-02T03:04:05.678Z');
  });

  it('says which row is missing instead of skipping it', async () => {
    await write(10);
    await bench.database.writer.run('DELETE FROM notes WHERE seq = 5');
    const failure = await read(2).catch((error: unknown) => error);
    expect(isReplicationError(failure, 'database-damaged')).toBe(true);
    expect(String(failure)).toContain('Row 5');
    // The event after it cannot be told, either: the link before it is gone.
    await expect(read(5)).rejects.toThrow('Row 5');
    expect(await read(6)).toHaveLength(4);
  });

  it('gives the links of any range, those that are held', async () => {
    await write(10);
    const links = await bench.history.links(bench.database.reader, own().id, 4, 6);
    const events = await read(0);
    expect([...links.keys()].sort()).toEqual([4, 5, 6]);
    for (const [seq, link] of links) expect(link.equals(events[seq - 1]?.chain ?? GENESIS)).toBe(true);
    expect((await bench.history.links(bench.database.reader, 999, 1, 10)).size).toBe(0);
  });

  it('holds hidden rows at their place, bytes untouched', async () => {
    await write(2);
    const bytes = Buffer.from('{"what":"ever"}');
    const { origin, chain, seq } = { origin: own().name, chain: Buffer.alloc(32, 9), seq: 3 };
    const event = { origin, seq, schemaVersion: 1, table: 'gone', previous: own().chain, chain, bytes };
    await bench.history.hide(bench.database.writer, [{ event, originId: own().id, reason: 'no such table' }]);
    const [hidden] = await read(2, 1, 3);
    expect(hidden).toMatchObject({ table: 'gone', seq: 3, bytes, chain });
    expect((await bench.history.links(bench.database.reader, own().id, 3, 3)).get(3)).toEqual(chain);
  });
});
