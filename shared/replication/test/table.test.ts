import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isReplicationError } from '../src/errors.ts';
import { defineTable, type TableDescription } from '../src/table.ts';
import { note, notes } from '../testing/index.ts';

const table = defineTable(notes);

/** What `notes` became in version 2: two columns more. */
const grown: TableDescription = {
  ...notes,
  columns: notes.columns.extend({ colour: z.string().nullable(), rank: z.int().nullish() }),
  since: { colour: 2, rank: 2 },
};

const rows = fc.record({
  note_id: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 16 }).filter((text) => text.length <= 64),
  text: fc.string({ unit: 'binary', maxLength: 200 }).filter((text) => !text.includes('\0')),
  stars: fc.integer({ min: 0, max: 5 }),
  weight: fc.option(fc.double({ noNaN: true, noDefaultInfinity: true })),
  created_at: fc
    .date({ min: new Date('0001-01-01'), max: new Date('9999-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
});

const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (isReplicationError(error, 'invalid-row')) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('canonical bytes', () => {
  it('are JSON with the columns sorted by name and no white space', () => {
    expect(table.encode(table.check(note('n1')), 1).toString()).toBe(
      '{"created_at":"2026-01-02T03:04:05.678Z","note_id":"n1","stars":3,"text":"text of n1","weight":0.5}',
    );
  });

  it('do not depend on the order of the row and write null where a column is empty', () => {
    const row = { created_at: '2026-01-02T03:04:05Z', weight: null, stars: 0, text: '', note_id: 'x' };
    expect(table.encode(table.check(row), 1).toString()).toBe(
      '{"created_at":"2026-01-02T03:04:05Z","note_id":"x","stars":0,"text":"","weight":null}',
    );
  });

  it('stand for exactly one row: decoding gives it back, encoding gives the same bytes', () => {
    fc.assert(
      fc.property(rows, (row) => {
        const checked = table.check(row);
        const bytes = table.encode(checked, 1);
        const decoded = table.decode(bytes, 1);
        expect(decoded).toEqual(checked);
        expect(table.encode(decoded, 1).equals(bytes)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('hold a number without its sign where it is zero, so that a row equals what comes back', () => {
    expect(Object.is(table.check({ ...note('n'), weight: -0 }).weight, 0)).toBe(true);
  });

  it.each([
    ['white space', '{ "created_at":"2026-01-02T03:04:05Z","note_id":"x","stars":0,"text":"","weight":null}'],
    [
      'another order',
      '{"note_id":"x","created_at":"2026-01-02T03:04:05Z","stars":0,"text":"","weight":null}',
    ],
    [
      'a key twice',
      '{"created_at":"2026-01-02T03:04:05Z","note_id":"x","note_id":"x","stars":0,"text":"","weight":null}',
    ],
    [
      'an escape too many',
      '{"created_at":"2026-01-02T03:04:05Z","note_id":"\\u0078","stars":0,"text":"","weight":null}',
    ],
    [
      'another spelling of a number',
      '{"created_at":"2026-01-02T03:04:05Z","note_id":"x","stars":0,"text":"","weight":1.0}',
    ],
    ['an absent column', '{"created_at":"2026-01-02T03:04:05Z","note_id":"x","stars":0,"text":""}'],
    [
      'a column too many',
      '{"a":1,"created_at":"2026-01-02T03:04:05Z","note_id":"x","stars":0,"text":"","weight":null}',
    ],
    [
      'a __proto__ key',
      '{"__proto__":{},"created_at":"2026-01-02T03:04:05Z","note_id":"x","stars":0,"text":"","weight":null}',
    ],
    [
      'a byte order mark',
      '\ufeff{"created_at":"2026-01-02T03:04:05Z","note_id":"x","stars":0,"text":"","weight":null}',
    ],
    ['no JSON', 'hello'],
    ['an array', '[]'],
    ['null', 'null'],
  ])('are refused with %s', (_, json) => {
    expect(refusal(() => table.decode(Buffer.from(json), 1))).not.toBe('accepted');
  });

  it('are refused where they are not UTF-8', () => {
    const bytes = table.encode(table.check(note('n1')), 1);
    bytes[bytes.indexOf('text of') + 1] = 0xff;
    expect(refusal(() => table.decode(bytes, 1))).toContain('canonical');
  });
});

describe('rows', () => {
  it.each([
    ['an unknown column', { ...note('n'), more: 1 }, 'more'],
    ['a missing column', { note_id: 'n' }, 'text'],
    ['another type', { ...note('n'), stars: '3' }, 'stars'],
    ['a fraction for an integer', { ...note('n'), stars: 1.5 }, 'stars'],
    ['a number that is none', { ...note('n'), weight: Number.NaN }, 'weight'],
    ['infinity', { ...note('n'), weight: Number.POSITIVE_INFINITY }, 'weight'],
    ['a NUL', { ...note('n'), text: 'a\0b' }, 'NUL'],
    ['half a surrogate pair', { ...note('n'), text: 'a\ud800b' }, 'surrogate'],
    ['a null that is not allowed', { ...note('n'), text: null }, 'text'],
    ['no row at all', 7, 'table notes'],
  ])('are refused with %s, and the error names it', (_, row, named) => {
    expect(refusal(() => table.check(row))).toContain(named);
  });

  it('get null where a nullable column is absent', () => {
    const { weight: _, ...rest } = note('n');
    expect(table.check(rest)).toEqual({ ...note('n'), weight: null });
  });

  it('never hold null in a column that SQLite declares NOT NULL', () => {
    const columns = z.object({ id: z.string(), at: z.string(), word: z.string().optional() });
    expect(() => defineTable({ name: 'words', columns, primaryKey: 'id', createdAt: 'at' })).toThrow(/word/);
  });
});

describe('schema versions', () => {
  const newer = defineTable(grown);

  it('an older row keeps its bytes in a newer build and has null in the columns that came later', () => {
    const bytes = table.encode(table.check(note('n1')), 1);
    const row = newer.decode(bytes, 1);
    expect(row).toEqual({ ...note('n1'), colour: null, rank: null });
    expect(newer.encode(row, 1).equals(bytes)).toBe(true);
  });

  it('a newer row carries its new columns, and an older build refuses it', () => {
    const bytes = newer.encode(newer.check({ ...note('n1'), colour: 'red' }), 2);
    expect(newer.decode(bytes, 2)).toEqual({ ...note('n1'), colour: 'red', rank: null });
    expect(refusal(() => table.decode(bytes, 2))).not.toBe('accepted');
    expect(refusal(() => newer.decode(bytes, 1))).toContain('canonical');
  });
});

describe('a description', () => {
  const columns = z.object({ id: z.string(), at: z.string() });
  const good = { name: 'words', columns, primaryKey: 'id', createdAt: 'at' };

  it.each<[string, TableDescription]>([
    ['a name that is no SQL name', { ...good, name: 'Words; DROP' }],
    ['a key that is no column', { ...good, primaryKey: 'key' }],
    ['a key that may be null', { ...good, columns: columns.extend({ id: z.string().nullable() }) }],
    ['a column name of the library', { ...good, columns: columns.extend({ seq: z.int() }) }],
    ['a column of another type', { ...good, columns: columns.extend({ flag: z.boolean() }) }],
    ['a nested column', { ...good, columns: columns.extend({ list: z.array(z.string()) }) }],
    [
      'a later column that may not be null',
      { ...good, columns: columns.extend({ b: z.string() }), since: { b: 2 } },
    ],
  ])('is refused with %s', (_, description) => {
    expect(() => defineTable(description)).toThrow();
  });
});
