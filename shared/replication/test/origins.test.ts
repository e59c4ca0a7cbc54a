import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf, Origins, saveOrigins, savePartition, savePublished, type Vector } from '../src/origins.ts';
import { openWorkbench, originName, type Workbench } from '../testing/index.ts';

const vector: Vector = {
  [originName('b')]: { seq: 12, chain: 'bb'.repeat(32) },
  [originName('a', 2)]: { seq: 1, chain: 'aa'.repeat(32) },
  [originName('a')]: { seq: 300, chain: '0a'.repeat(32) },
};

describe('the digest of a vector', () => {
  it('has a value that must never change, or replicas of two builds could not compare', () => {
    expect(digestOf(vector)).toBe('aa6e7bfd02db1d2e7e049c9642b95723311245ee91452150c57a73ba2d2fa125');
    expect(digestOf({})).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('does not depend on the order in which origins became known', () => {
    expect(digestOf(Object.fromEntries(Object.entries(vector).reverse()))).toBe(digestOf(vector));
  });

  it('differs when an origin, a seq or a link differs', () => {
    const [name = '', entry] = Object.entries(vector)[0] ?? [];
    const { [name]: _, ...fewer } = vector;
    const digests = [
      vector,
      fewer,
      { ...vector, [name]: { seq: 13, chain: entry?.chain ?? '' } },
      { ...vector, [name]: { seq: 12, chain: 'cc'.repeat(32) } },
    ].map(digestOf);
    expect(new Set(digests).size).toBe(4);
  });
});

describe('origins', () => {
  let bench: Workbench;
  beforeEach(async () => {
    bench = await openWorkbench();
  });
  afterEach(() => bench.close());

  it('are loaded as they were saved', async () => {
    const { writer, reader } = bench.database;
    const own = { ...bench.own, seq: 3, chain: Buffer.alloc(32, 3) };
    await saveOrigins(writer, [own]);
    await savePartition(writer, { id: own.id, partition: 2 });
    await savePublished(writer, { id: own.id, published: 1 });
    await saveOrigins(writer, [
      { ...own, seq: 4, chain: Buffer.alloc(32, 4), published: 1, partition: null },
    ]);
    const loaded = await Origins.load(reader);
    // The pinned partition stays: only `savePartition` moves it.
    expect(loaded.get(own.name)).toEqual({
      ...own,
      seq: 4,
      chain: Buffer.alloc(32, 4),
      partition: 2,
      published: 1,
    });
    expect(loaded.fresh('x', { isMinted: false }).id).toBe(own.id + 1);
  });

  it('are pending while minted here and not read back, the earliest first', () => {
    const { origins } = bench;
    const [late, early, theirs] = [9, 4, 5].map((id) => ({ ...bench.own, id, name: `o${id}`, seq: 2 }));
    if (!late || !early || !theirs) throw new Error('missing');
    origins.set(late);
    origins.set({ ...theirs, isMinted: false });
    origins.set(early);
    expect(origins.pending().map(({ name }) => name)).toEqual(['o4', 'o9']);
    origins.set({ ...early, published: 2 });
    expect(origins.pending().map(({ name }) => name)).toEqual(['o9']);
    origins.set({ ...early, seq: 3, published: 2 });
    expect(origins.pending().map(({ name }) => name)).toEqual(['o4', 'o9']);
  });

  it('make up the vector once they have a row', () => {
    const { origins } = bench;
    origins.set(bench.own);
    expect(origins.vector()).toEqual({});
    origins.set({ ...bench.own, seq: 1, chain: Buffer.alloc(32, 0xab) });
    expect(origins.vector()).toEqual({ [bench.own.name]: { seq: 1, chain: 'ab'.repeat(32) } });
    expect(origins.vector((name) => name !== bench.own.name)).toEqual({});
    expect(origins.rows()).toBe(1);
  });

  it('never share an id, not even those that were never stored', () => {
    const ids = ['a', 'b', 'c'].map((name) => bench.origins.fresh(name, { isMinted: false }).id);
    expect(new Set([bench.own.id, ...ids]).size).toBe(4);
    expect(bench.origins.get('a')).toBeUndefined();
  });
});
