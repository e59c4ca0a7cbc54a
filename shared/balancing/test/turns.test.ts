import { describe, expect, it } from 'vitest';
import { Turns } from '../src/turns.ts';

function line(...keys: string[]) {
  const clock = { nowMs: 0 };
  const turns = new Turns({ now: () => clock.nowMs });
  turns.keep(keys);
  const take = (count: number, of: readonly string[] = keys): string => {
    let taken = '';
    for (let n = 0; n < count; n += 1) taken += turns.take(of) ?? '-';
    return taken;
  };
  return { clock, turns, take };
}

const countOf = (taken: string, key: string): number => taken.split(key).length - 1;

describe('turns', () => {
  it('go round strictly', () => {
    expect(line('a', 'b', 'c').take(9)).toBe('abcabcabc');
  });

  it('are nobody’s when there is nobody', () => {
    expect(line().take(1)).toBe('-');
  });

  it('even out again when somebody was passed over', () => {
    const { take } = line('a', 'b', 'c');
    const taken = take(2, ['a', 'b']) + take(7);
    expect(['a', 'b', 'c'].map((key) => countOf(taken, key))).toEqual([3, 3, 3]);
  });

  it('are shared evenly among all when each may take only some of them', () => {
    const { take } = line('a', 'b', 'c');
    let taken = '';
    for (let n = 0; n < 300; n += 1)
      taken += take(
        1,
        [
          ['a', 'b'],
          ['b', 'c'],
          ['a', 'c'],
          ['a', 'b', 'c'],
        ][n % 4],
      );
    for (const key of ['a', 'b', 'c']) expect(Math.abs(countOf(taken, key) - 100)).toBeLessThanOrEqual(1);
  });

  it('are not made up for at once by somebody who was away from them for long', () => {
    const { take } = line('a', 'b');
    take(100, ['a']);
    expect(take(12).startsWith('bbbbb')).toBe(true);
    const taken = take(12);
    expect([countOf(taken, 'a'), countOf(taken, 'b')]).toEqual([6, 6]);
  });

  it('come slowly at first to somebody who returns, and then fully', () => {
    const { clock, turns, take } = line('a', 'b');
    clock.nowMs = 10_000;
    turns.keep(['a']);
    take(50, ['a']);
    clock.nowMs = 20_000;
    turns.keep(['a', 'b']);
    const cold = take(110);
    expect(countOf(cold, 'b')).toBeLessThanOrEqual(11);
    expect(countOf(cold, 'b')).toBeGreaterThanOrEqual(9);
    clock.nowMs = 22_500;
    expect(turns.weight('b')).toBe(0.5);
    clock.nowMs = 25_000;
    take(20);
    const warm = take(100);
    expect(countOf(warm, 'b')).toBe(50);
  });

  it('are full at once for everybody who is there at the start', () => {
    const { clock, turns, take } = line('a');
    clock.nowMs = 4_000;
    turns.keep(['a', 'b']);
    expect(countOf(take(10, ['a', 'b']), 'b')).toBe(5);
  });
});
