import { describe, expect, it } from 'vitest';
import { describeDifferences } from '../../src/verify/differences.ts';
import { type FakeOptions, type FakeReplica, fakeReplica } from './fake-replica.ts';

const rows = (count: number, change: (n: number) => string = (n) => `row ${n}`): string[] =>
  Array.from({ length: count }, (_, i) => change(i + 1));

const named = (name: string, options: Omit<FakeOptions, 'name'>): { name: string; probe: FakeReplica } => ({
  name,
  probe: fakeReplica({ name, ...options }),
});

describe('describeDifferences', () => {
  it('finds none between replicas that hold the same', async () => {
    const histories = { 'o1.A': rows(5), 'o2.A': rows(3) };
    expect(await describeDifferences(named('a', { histories }), named('b', { histories }))).toEqual([]);
  });

  it('names the rows that one replica lacks at the end of an origin, with the first of them', async () => {
    const a = named('a', { histories: { 'o1.A': rows(9) } });
    const b = named('b', { histories: { 'o1.A': rows(6) } });
    const line = 'o1.A: b lacks rows 7..9, which a holds; the first is orders row 7';
    expect(await describeDifferences(a, b)).toEqual([line]);
    expect(await describeDifferences(b, a)).toEqual([line]);
  });

  it('names a single missing row and an origin that is missing as a whole', async () => {
    const a = named('a', { histories: { 'o1.A': rows(6), 'o2.A': rows(4) } });
    const b = named('b', { histories: { 'o1.A': rows(5), 'o3.A': rows(1) } });
    expect(await describeDifferences(a, b)).toEqual([
      'o1.A: b lacks row 6, which a holds; the first is orders row 6',
      'o2.A: b lacks rows 1..4, which a holds; the first is orders row 1',
      'o3.A: a lacks row 1, which b holds; the first is orders row 1',
    ]);
  });

  it.each([1, 2, 63, 64, 65, 99, 100])('finds row %d at which two histories of 100 part', async (at) => {
    const a = named('a', { histories: { 'o1.A': rows(100) } });
    const b = named('b', { histories: { 'o1.A': rows(100, (n) => (n === at ? 'forged' : `row ${n}`)) } });
    expect(await describeDifferences(a, b)).toEqual([
      `o1.A: row ${at} differs: a has orders row ${at}, b has orders forged`,
    ]);
    // By halving: a history of a hundred rows takes a handful of questions, not a hundred.
    expect(a.probe.changesAsked.length).toBeLessThanOrEqual(8);
  });

  it('prefers the row at which histories part to the rows that the shorter one lacks', async () => {
    const a = named('a', { histories: { 'o1.A': rows(50) } });
    const b = named('b', { histories: { 'o1.A': rows(20, (n) => (n >= 13 ? `other ${n}` : `row ${n}`)) } });
    expect(await describeDifferences(a, b)).toEqual([
      'o1.A: row 13 differs: a has orders row 13, b has orders other 13',
    ]);
  });

  it('does not hold it against a replica that it does not show its own rows yet', async () => {
    const a = named('a', { histories: { 'o1.A': rows(5) }, shown: { 'o1.A': 2 } });
    const b = named('b', { histories: { 'o1.A': rows(3) } });
    expect(await describeDifferences(a, b)).toEqual([
      'o1.A: b lacks rows 4..5, which a holds; the first is not published yet',
    ]);
  });

  it('ends after twenty lines', async () => {
    const many = Object.fromEntries(rows(30, (n) => `o${100 + n}.A`).map((origin) => [origin, rows(1)]));
    const lines = await describeDifferences(named('a', { histories: many }), named('b', { histories: {} }));
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('and more');
    expect(lines[0]).toMatch(/^o101\.A: b lacks row 1/);
  });

  it('shows only the beginning of a large row', async () => {
    const a = named('a', { histories: { 'o1.A': ['x'.repeat(5000)] } });
    const [line = ''] = await describeDifferences(a, named('b', { histories: {} }));
    expect(line.length).toBeLessThan(400);
  });
});
