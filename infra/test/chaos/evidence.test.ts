import { describe, expect, it } from 'vitest';
import { Evidence } from '../../src/chaos/evidence.ts';
import type { ReplicaLook } from '../../src/chaos/replica-look.ts';
import { quietLook } from './status-server.ts';

function lookOf(replicaId: string, run: string, duplicates: number): ReplicaLook {
  const counters = { ...quietLook.counters, duplicates };
  return { ...quietLook, replicaId, origin: `${replicaId}.${run}`, counters };
}

function evidence(...before: (ReplicaLook | null)[]): Evidence {
  return new Evidence(before, ({ counters }) => counters.duplicates);
}

describe('evidence by counters', () => {
  it('is what a run counted beyond what it had counted before', () => {
    const since = evidence(lookOf('order-1', 'x', 3));
    expect(since.hasGrown(lookOf('order-1', 'x', 3))).toBe(false);
    expect(since.hasGrown(lookOf('order-1', 'x', 4))).toBe(true);
  });

  it('is held against the same replica, not against one that had counted less', () => {
    const since = evidence(lookOf('order-1', 'x', 0), lookOf('order-2', 'y', 7));
    expect(since.hasGrown(lookOf('order-2', 'y', 7))).toBe(false);
  });

  it('counts from 0 for a run that began since', () => {
    const since = evidence(lookOf('order-1', 'x', 3));
    expect(since.hasGrown(lookOf('order-1', 'z', 0))).toBe(false);
    expect(since.hasGrown(lookOf('order-1', 'z', 1))).toBe(true);
  });

  it('takes the first look at a replica that did not answer before as the one before', () => {
    const since = evidence(null);
    expect(since.hasGrown(lookOf('order-1', 'x', 9))).toBe(false);
    expect(since.hasGrown(lookOf('order-1', 'x', 9))).toBe(false);
    expect(since.hasGrown(lookOf('order-1', 'x', 10))).toBe(true);
  });
});
