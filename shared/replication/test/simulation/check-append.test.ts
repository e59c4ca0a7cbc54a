import { describe, expect, it } from 'vitest';
import { checkAppend } from '../../simulation/check-append.ts';

const rows = (origin: string, ...seqs: readonly number[]) => seqs.map((seq) => ({ origin, seq }));
const everLogged = new Map([['a.1', new Set([1, 2])]]);
const check = (...places: Parameters<typeof checkAppend>[0]) =>
  checkAppend(places, { machine: 'order-1', everLogged });

describe('an append', () => {
  it.each([
    ['begins a run', rows('b.1', 1, 2, 3)],
    ['goes on where the log ended', rows('a.1', 3, 4)],
    ['repeats what was there', rows('a.1', 1, 2)],
  ])('that %s is in order', (_, places) => {
    expect(check(...places)).toEqual([]);
  });

  it.each([
    ['goes back', rows('a.1', 4, 3)],
    ['leaves one out', rows('a.1', 3, 5)],
    ['leaves out what the log never had', rows('a.1', 4)],
    ['begins a run in its middle', rows('b.1', 2)],
    ['holds two runs', [...rows('a.1', 3), ...rows('b.1', 4)]],
    ['holds what is no event', [undefined]],
  ])('that %s is not', (_, places) => {
    expect(check(...places)).toMatchObject([{ rule: 'I4' }]);
  });
});
