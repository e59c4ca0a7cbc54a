import { describe, expect, it } from 'vitest';
import type { LogRecord } from '../src/change-log.ts';
import {
  bookmarkOf,
  isBookmarked,
  loadPositions,
  readingStart,
  START,
  savePosition,
} from '../src/positions.ts';
import { ForeignRun, note, openWorkbench, originName, recordAt } from '../testing/index.ts';

const record = recordAt(7, new ForeignRun(originName('a')).write(note('n1')));

describe('a bookmark', () => {
  it('recognises its record', () => {
    expect(isBookmarked({ ...record }, bookmarkOf(record))).toBe(true);
  });

  it('does not depend on the order in which headers come', () => {
    const headers = Object.fromEntries(Object.entries(record.headers).reverse());
    expect(isBookmarked({ ...record, headers }, bookmarkOf(record))).toBe(true);
  });

  it.each<[string, Partial<LogRecord>]>([
    ['offset', { offset: 8 }],
    ['timestamp', { timestampMs: record.timestampMs + 1 }],
    ['value', { value: Buffer.from('other') }],
    ['absent value', { value: null }],
    ['key', { key: Buffer.from('other') }],
    ['absent key', { key: null }],
    ['header', { headers: { ...record.headers, ce_seq: Buffer.from('2') } }],
    ['header too many', { headers: { ...record.headers, more: Buffer.alloc(0) } }],
    ['header too few', { headers: { ...record.headers, ce_time: undefined } }],
  ])('does not take a record with another %s for its own', (_, change) => {
    expect(isBookmarked({ ...record, ...change }, bookmarkOf(record))).toBe(false);
  });

  it('tells an empty value from none, and bytes of the key from bytes of the value', () => {
    const key = Buffer.from('ab');
    const one = { ...record, key, value: Buffer.from('c') };
    const marks = [one, { ...one, key: Buffer.from('a'), value: Buffer.from('bc') }, { ...one, value: null }];
    const prints = marks.map((mark) => bookmarkOf(mark).fingerprint.toString('hex'));
    prints.push(bookmarkOf({ ...one, value: Buffer.alloc(0) }).fingerprint.toString('hex'));
    expect(new Set(prints).size).toBe(4);
  });
});

describe('positions', () => {
  it('make reading start at the bookmark', () => {
    expect(readingStart(START)).toBe(0);
    expect(readingStart({ next: 9, bookmark: null })).toBe(9);
    expect(readingStart({ next: 9, bookmark: bookmarkOf(record) })).toBe(7);
  });

  it('keep their landmark until another one is given', async () => {
    const bench = await openWorkbench();
    const { writer, reader } = bench.database;
    const place = { topic: 'a', partition: 0 };
    const landmark = { offset: 3, fingerprint: Buffer.alloc(32, 1) };
    await savePosition(writer, place, { next: 9, bookmark: bookmarkOf(record), landmark });
    await savePosition(writer, place, { next: 5, bookmark: null });
    expect((await loadPositions(reader, 'a')).get(0)).toEqual({ next: 5, bookmark: null, landmark });
    await bench.close();
  });

  it('are stored and loaded, each topic by itself', async () => {
    const bench = await openWorkbench();
    const { writer, reader } = bench.database;
    const position = { next: 9, bookmark: bookmarkOf(record) };
    await savePosition(writer, { topic: 'a', partition: 0 }, { next: 3, bookmark: null });
    await savePosition(writer, { topic: 'a', partition: 0 }, position);
    await savePosition(writer, { topic: 'b', partition: 1 }, { next: 2 ** 40, bookmark: null });
    expect([...(await loadPositions(reader, 'a'))]).toEqual([[0, position]]);
    expect([...(await loadPositions(reader, 'b'))]).toEqual([[1, { next: 2 ** 40, bookmark: null }]]);
    expect((await loadPositions(reader, 'c')).size).toBe(0);
    await bench.close();
  });
});
