import { describe, expect, it } from 'vitest';
import { ReplicaWatch } from '../../src/chaos/replica-watch.ts';
import { Violations } from '../../src/judge/violations.ts';

function watching() {
  const violations = new Violations();
  const watch = new ReplicaWatch({ replicas: () => [], violations });
  const kinds = (): string[] => violations.list().map(({ invariant, kind }) => `${invariant} ${kind}`);
  return { watch, kinds };
}

describe('a watch on files', () => {
  it('finds nothing wrong with histories that grow row by row', () => {
    const { watch, kinds } = watching();
    watch.grew('order-1', [{ name: 'a', seq: 5, newRows: 5 }]);
    watch.grew('order-1', [
      { name: 'a', seq: 7, newRows: 2 },
      { name: 'b', seq: 1, newRows: 1 },
    ]);
    expect(kinds()).toEqual([]);
  });

  it('finds rows that are missing inside a history', () => {
    const { watch, kinds } = watching();
    watch.grew('order-1', [{ name: 'a', seq: 5, newRows: 4 }]);
    expect(kinds()).toEqual(['I3 hole']);
  });

  it('finds a history that went back, or that is gone, unless its directory is another one', () => {
    const { watch, kinds } = watching();
    watch.grew('order-1', [{ name: 'a', seq: 5, newRows: 5 }]);
    watch.forget('order-1');
    watch.grew('order-1', [{ name: 'a', seq: 3, newRows: 3 }]);
    expect(kinds()).toEqual([]);
    watch.grew('order-1', [{ name: 'a', seq: 2, newRows: 0 }]);
    expect(kinds()).toEqual(['I3 went back']);
    watch.grew('order-1', []);
    expect(watch).toBeDefined();
    expect(kinds()).toEqual(['I3 went back']);
  });
});
