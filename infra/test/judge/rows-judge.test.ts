import { describe, expect, it } from 'vitest';
import type { ReplicaContents } from '../../src/judge/replica-file.ts';
import { judgeEqual, judgeRows, type Knowledge } from '../../src/judge/rows-judge.ts';
import { Violations } from '../../src/judge/violations.ts';
import { fileOf, goodRows, knowledge, rowOf } from './planted.ts';

/** What the judge finds in one file, as `invariant kind`. */
async function found(contents: ReplicaContents, known: Knowledge = knowledge()): Promise<string[]> {
  const violations = new Violations();
  await judgeRows('order-1', contents, { knowledge: known, violations });
  return violations.list().map(({ invariant, kind }) => `${invariant} ${kind}`);
}

describe('the judge of rows', () => {
  it('finds nothing wrong with what is right', async () => {
    expect(await found(fileOf(goodRows()))).toEqual([]);
  });

  it('knows the canonical bytes of each schema version, and says so of one that it does not know', async () => {
    const known = knowledge(['p-0', 'p-1']);
    const first = rowOf('p-0', { origin: 'a', seq: 1 });
    const second = rowOf('p-1', { origin: 'a', seq: 2, previous: first.chain }, {}, 2);
    expect(await found(fileOf([first, second]), known)).toEqual([]);
    const third = rowOf('p-1', { origin: 'a', seq: 2, previous: first.chain }, {}, 99);
    await expect(found(fileOf([first, third]), known)).rejects.toThrow(/schema version 99/);
  });

  it('lets an order that was attempted and never answered be there or not', async () => {
    const { chain, load } = knowledge();
    load.acknowledged.delete('p-2');
    const [first, second, third] = goodRows();
    expect(await found(fileOf([first, second, third]), { chain, load })).toEqual([]);
    expect(await found(fileOf([first, second]), { chain, load })).toEqual([]);
  });

  it('finds an acknowledged order that is missing', async () => {
    const [first, second] = goodRows();
    expect(await found(fileOf([first, second]))).toEqual(['I1 lost']);
  });

  it('finds an order that is there twice, each time in a fitting chain', async () => {
    const [first, second, third] = goodRows();
    const again = rowOf('p-2', { origin: 'b', seq: 2, previous: third.chain }, { order_id: 'another' });
    expect(await found(fileOf([first, second, third, again]))).toEqual(['I1 doubled']);
  });

  it('finds an order that nobody attempted', async () => {
    const rows = goodRows();
    expect(await found(fileOf([...rows, rowOf('never', { origin: 'c', seq: 1 })]))).toEqual(['I2 phantom']);
  });

  it('finds bytes that were altered behind the chain', async () => {
    const [first, second, third] = goodRows();
    const altered = { ...second, columns: { ...second.columns, created_at: '2026-01-02T03:04:05.679Z' } };
    expect(await found(fileOf([first, altered, third]))).toEqual(['I3 broken chain']);
  });

  it('finds an order that is not what was attempted, although its chain fits', async () => {
    const [first, second] = goodRows();
    const other = rowOf('p-2', { origin: 'b', seq: 1 }, { quantity: 1000 });
    expect(await found(fileOf([first, second, other]))).toEqual(['I2 altered']);
  });

  it('finds a hole, and a chain that does not continue over it', async () => {
    const [first, second, third] = goodRows();
    const late = rowOf('p-1', { origin: 'a', seq: 3, previous: second.chain });
    expect(await found(fileOf([first, late, third]))).toEqual(['I3 hole', 'I3 broken chain']);
  });

  it('finds origins that say something else than their rows', async () => {
    const contents = fileOf(goodRows());
    const more = contents.origins.map((origin) => ({ ...origin, seq: origin.seq + 1 }));
    expect(await found({ ...contents, origins: more })).toEqual(['I3 vector']);
    const further = contents.origins.map((origin) => ({ ...origin, published: origin.seq + 1 }));
    expect(await found({ ...contents, origins: further })).toEqual(['I4 published']);
  });

  it('finds rows that are hidden, which no order of the load can be', async () => {
    expect(await found({ ...fileOf(goodRows()), hidden: 1 })).toEqual(['I5 hidden']);
  });

  it('lets the later one of two rows of one order be superseded, and no other', async () => {
    const [first, second, third] = goodRows();
    const twin = rowOf('p-2', { origin: 'b', seq: 2, previous: third.chain });
    expect(await found(fileOf([first, second, third, { ...twin, isSuperseded: true }]))).toEqual([]);
    expect(await found(fileOf([first, second, { ...third, isSuperseded: true }, twin]))).toEqual([
      'I2 superseded',
    ]);
    expect(await found(fileOf([first, second, third, twin]))).toEqual(['I1 doubled']);
    const onlyOne = fileOf([first, second, { ...third, isSuperseded: true }]);
    expect(await found(onlyOne)).toEqual(['I1 lost', 'I2 superseded']);
  });

  it('finds two replicas that differ, by a row or by its bytes', async () => {
    const [first, second, third] = goodRows();
    const violations = new Violations();
    const judged = (name: string, rows: ReturnType<typeof goodRows>[number][]) =>
      judgeRows(name, fileOf(rows), { knowledge: knowledge([]), violations: new Violations() });
    const whole = await judged('order-1', [first, second, third]);
    judgeEqual([whole, await judged('order-2', [first, second, third])], violations);
    expect(violations.list()).toEqual([]);
    judgeEqual([whole, await judged('order-2', [first, third])], violations);
    expect(violations.count('different')).toBe(1);
    judgeEqual(
      [whole, await judged('order-3', [first, second, rowOf('p-9', { origin: 'b', seq: 1 })])],
      violations,
    );
    expect(violations.count('different')).toBe(2);
  });
});
