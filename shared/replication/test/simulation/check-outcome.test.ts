/**
 * The checker of ends, with planted wrong inputs: each invariant is broken once, and must be the one that is named.
 */
import { describe, expect, it } from 'vitest';
import {
  checkOutcome,
  type FinalReplica,
  type Outcome,
  type StoredRow,
} from '../../simulation/check-outcome.ts';
import type { Attempt } from '../../simulation/ledger.ts';

const origin = 'order-1.01J00000000000000000000001';

function attempt(id: string, seq: number, change: Partial<Attempt> = {}): Attempt {
  const row = {
    note_id: `key-${id}`,
    text: id,
    stars: 1,
    weight: null,
    created_at: `2026-01-02T03:04:0${seq}.000Z`,
  };
  return {
    id,
    machine: 'order-1',
    row,
    outcome: 'acknowledged',
    place: { origin, seq },
    excuse: undefined,
    ...change,
  };
}

function stored({ row, place }: Attempt, change: Partial<StoredRow> = {}): StoredRow {
  return { ...(row as unknown as StoredRow), origin, seq: place?.seq ?? 9, superseded: 0, ...change };
}

function replica(machine: string, rows: readonly StoredRow[], digest = 'd'): FinalReplica {
  const vector = { [origin]: { seq: rows.length, chain: 'c' } };
  return { machine, rows, vector, digest, deep: { digest, problems: [] } };
}

/** Two replicas that hold two rows, all well; `change` spoils it. */
function outcome(change: Partial<Outcome> = {}): Outcome {
  const attempts = [attempt('w1', 1), attempt('w2', 2)];
  const rows = attempts.map((one) => stored(one));
  return {
    attempts,
    replicas: [replica('order-1', rows), replica('order-2', rows)],
    logged: new Map([[origin, new Set([1, 2])]]),
    cut: new Map(),
    ...change,
  };
}

const rules = (of: Outcome): string[] => [...new Set(checkOutcome(of).map(({ rule }) => rule))];
const [first, second] = [attempt('w1', 1), attempt('w2', 2)];

describe('the end of a history', () => {
  it('with equal replicas that hold what was acknowledged is well', () => {
    expect(checkOutcome(outcome())).toEqual([]);
  });

  it.each<[string, string, Partial<Outcome>]>([
    ['an acknowledged row is on no replica', 'I1', { attempts: [first, second, attempt('w3', 3)] }],
    [
      'an acknowledged row is missing on one replica',
      'I1',
      { replicas: [replica('a', [stored(first), stored(second)]), replica('b', [stored(first)])] },
    ],
    [
      'a row is there twice',
      'I1',
      {
        replicas: [replica('a', [stored(first), stored(second), stored(second, { seq: 3, superseded: 1 })])],
      },
    ],
    ['a row was never attempted', 'I2', { attempts: [first] }],
    [
      'a row is not as it was written',
      'I2',
      { replicas: [replica('a', [stored(first), stored(second, { stars: 2 })])] },
    ],
    [
      'a row is not where its client was told',
      'I2',
      { attempts: [first, attempt('w2', 2, { place: { origin, seq: 7 } })] },
    ],
    ['the log lacks a row that is held', 'I4', { logged: new Map([[origin, new Set([2])]]) }],
    ['the log has nothing of an origin', 'I4', { logged: new Map() }],
    [
      'digests differ',
      'I6',
      {
        replicas: [
          replica('a', [stored(first), stored(second)]),
          replica('b', [stored(first), stored(second)], 'e'),
        ],
      },
    ],
    [
      'rows do not hash to the digest',
      'I6',
      {
        replicas: [
          {
            ...replica('a', [stored(first), stored(second)]),
            deep: { digest: 'd', problems: [{ origin, seq: 1 }] },
          },
        ],
      },
    ],
    ['a refused row is stored', 'I8', { attempts: [first, attempt('w2', 2, { outcome: 'refused' })] }],
  ])('where %s is %s', (_, rule, change) => {
    expect(rules(outcome(change))).toContain(rule);
  });

  it('where of two rows with one key the later one is shown is I6', () => {
    const again = attempt('w2', 2, { row: { ...second.row, note_id: 'key-w1' } });
    const rows = [stored(first, { superseded: 1 }), stored(again)];
    expect(rules(outcome({ attempts: [first, again], replicas: [replica('a', rows)] }))).toEqual(['I6']);
    const right = [stored(first), stored(again, { superseded: 1 })];
    expect(checkOutcome(outcome({ attempts: [first, again], replicas: [replica('a', right)] }))).toEqual([]);
  });

  it('without a row whose last copy a fault took, or that nobody was told of, is well', () => {
    const excused = attempt('w3', 3, { excuse: 'removed replica' });
    const open = attempt('w4', 4, { outcome: 'open', place: undefined });
    expect(checkOutcome(outcome({ attempts: [first, second, excused, open] }))).toEqual([]);
  });

  it('without a row that retention took is well, and not without one that it did not take', () => {
    const cut = new Map([[origin, new Set([1])]]);
    expect(checkOutcome(outcome({ cut, logged: new Map([[origin, new Set([2])]]) }))).toEqual([]);
    expect(rules(outcome({ cut, logged: new Map([[origin, new Set([1])]]) }))).toEqual(['I4']);
    // Not even below the first one that is left.
    expect(rules(outcome({ logged: new Map([[origin, new Set([2])]]) }))).toEqual(['I4']);
  });
});
