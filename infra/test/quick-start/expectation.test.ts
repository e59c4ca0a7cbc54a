import { describe, expect, it } from 'vitest';
import { differenceTo, missingLine } from '../../src/quick-start/expectation.ts';

const json = (expected: string, actual: string) => differenceTo({ kind: 'json', text: expected }, actual);
const text = (expected: string, actual: string) => differenceTo({ kind: 'text', text: expected }, actual);

describe('comparing JSON with what the README says', () => {
  it('takes … for any value and does not care for layout', () => {
    expect(
      json(
        '{"id":"…","at":"2026-…Z","n":2,"list":["…"]}',
        '{ "n": 2,\n"at":"2026-01-02Z","id":"x","list":[7]}',
      ),
    ).toBeNull();
  });

  it.each([
    ['{"a":1}', '{"a":2}', '.a is 2 instead of 1'],
    ['{"a":1}', '{"a":"1"}', '.a is "1" instead of 1'],
    ['{"a":"x"}', '{}', '.a is undefined instead of "x"'],
    ['{"a":"…"}', '{}', '.a is undefined instead of "…"'],
    ['{"a":"…"}', '{"a":{"b":1}}', '.a is {"b":1} instead of "…"'],
    ['{}', '{"a":1}', '.a is not in the README'],
    ['[1]', '[1,2]', 'the value has 2 elements instead of 1'],
    ['[{"a":[1,2]}]', '[{"a":[1,3]}]', '[0].a[1] is 3 instead of 2'],
    ['{"a":1}', '[1]', 'the value is [1] instead of {"a":1}'],
    ['{"a":"2026-…"}', '{"a":"2027-01"}', '.a is "2027-01" instead of "2026-…"'],
    ['"…"', 'null', 'the value is null instead of "…"'],
    ['{}', '', 'expected JSON, got: nothing'],
    ['{}', '<html>', 'expected JSON, got: <html>'],
  ])('says how %s and %s differ', (expected, actual, difference) => {
    expect(json(expected, actual)).toBe(difference);
  });
});

describe('comparing text with what the README says', () => {
  it('takes … for anything in a line, and leaves out what the package manager repeats', () => {
    expect(
      text(
        'a  1 rows  digest …\nequal (… s)',
        '$ node scripts/verify.ts\n\na  1 rows  digest 1f2e\nequal (0.3 s)\n',
      ),
    ).toBeNull();
  });

  it.each([
    ['a', 'b', "line 1 is 'b' instead of 'a'"],
    ['a\nb', 'a', "line 2 is missing instead of 'b'"],
    ['a', 'a\nb', "line 2 is 'b' instead of nothing"],
    ['a.c', 'abc', "line 1 is 'abc' instead of 'a.c'"],
    ['2 rows …', '12 rows x', "line 1 is '12 rows x' instead of '2 rows …'"],
  ])('says how %j and %j differ', (expected, actual, difference) => {
    expect(text(expected, actual)).toBe(difference);
  });
});

describe('comparing the output of a program that goes on', () => {
  it('wants each line in order, among others', () => {
    expect(missingLine('ready in …\n  order-1 …', 'noise\nready in 2.0 s\n\n  order-1 http')).toBeNull();
    expect(missingLine('b\na', 'a\nb')).toBe('a');
    expect(missingLine('a\na', 'a')).toBe('a');
  });
});
