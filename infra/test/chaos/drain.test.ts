import { describe, expect, it } from 'vitest';
import { backlogOf, unrest } from '../../src/chaos/drain.ts';
import type { ReplicaLook } from '../../src/chaos/replica-look.ts';

const quiet: ReplicaLook = {
  replicaId: 'order-1',
  origin: 'order-1.x',
  state: 'live',
  digest: 'd',
  rows: 10,
  unpublished: 0,
  quarantined: 0,
  writable: true,
  logReachable: true,
  lag: { records: 0 },
  stalled: [],
  counters: { duplicates: 0, relinks: 0, readersReplaced: 0 },
};

describe('quiet', () => {
  it('is when nobody has anything left to do and all are equal', () => {
    expect(unrest([quiet, { ...quiet, replicaId: 'order-2', quarantined: 3 }])).toBeNull();
  });

  it.each<[string, Partial<ReplicaLook>]>([
    ['relinking', { state: 'relinking' }],
    ['does not reach', { logReachable: false }],
    ['does not accept', { writable: false }],
    ['unpublished', { unpublished: 1 }],
    ['behind', { lag: { records: 1 } }],
    ['behind', { lag: { records: null } }],
    ['stalled', { stalled: [{ origin: 'order-2.y' }] }],
    ['differ', { digest: 'e' }],
  ])('is not while one is %s', (what, different) => {
    expect(unrest([quiet, { ...quiet, ...different }])).toContain(what);
  });

  it('is not while one does not answer', () => {
    expect(unrest([quiet, null])).toContain('does not answer');
  });
});

describe('the backlog', () => {
  it('is the most that one replica has to publish and to read', () => {
    expect(backlogOf([quiet, { ...quiet, rows: 4, unpublished: 2 }])).toBe(8);
    expect(backlogOf([quiet, { ...quiet, lag: { records: 30 } }])).toBe(30);
    expect(backlogOf([quiet, { ...quiet, lag: { records: null } }, null])).toBe(10);
  });
});
