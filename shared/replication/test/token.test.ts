import { describe, expect, it } from 'vitest';
import { isReplicationError } from '../src/errors.ts';
import { formatToken, MAX_TOKEN_ENTRIES, parseToken } from '../src/token.ts';
import { originName } from '../testing/index.ts';

const a = originName('a');
const b = originName('b');

describe('a consistency token', () => {
  it('is read as it was written', () => {
    expect([...parseToken(formatToken(a, 42))]).toEqual([[a, 42]]);
  });

  it('may name several origins, joined by commas with or without space', () => {
    expect([...parseToken(`${a}:1, ${b}:2`)]).toEqual([
      [a, 1],
      [b, 2],
    ]);
  });

  it('counts the higher of two entries for one origin, whatever their order', () => {
    expect(parseToken(`${a}:1,${a}:3,${a}:2`).get(a)).toBe(3);
  });

  it('has at most 64 entries', () => {
    const entries = Array.from({ length: MAX_TOKEN_ENTRIES }, (_, i) => `r${i}.${a.slice(2)}:1`);
    expect(parseToken(entries.join(',')).size).toBe(64);
    expect(() => parseToken([...entries, `${a}:1`].join(','))).toThrow(/65 entries/);
  });

  it.each([
    '',
    ',',
    `${a}`,
    `${a}:`,
    `${a}:0`,
    `${a}:-1`,
    `${a}:1.5`,
    `${a}:01`,
    `${a}:1e3`,
    `${a}:${'9'.repeat(16)}`,
    `${a}:1,`,
    'order-1:5',
    '__proto__:1',
    `${'x'.repeat(10_000)}:1`,
  ])('is malformed: %.60j', (text) => {
    try {
      parseToken(text);
      expect.fail('it was accepted');
    } catch (error) {
      expect(isReplicationError(error, 'malformed-token')).toBe(true);
      expect((error as Error).message.length).toBeLessThan(300);
    }
  });
});
