/**
 * The checker of instants and the ledger, with planted wrong inputs.
 */
import { describe, expect, it } from 'vitest';
import { checkInstant, type InstantContext } from '../../simulation/check-instant.ts';
import type { HeldOrigin, Holding } from '../../simulation/holding.ts';
import { type Attempt, Ledger, recoverableFrom } from '../../simulation/ledger.ts';

const name = 'order-1.01J00000000000000000000001';

function holding(change: Partial<HeldOrigin> = {}, rest: Partial<Holding> = {}): Holding {
  const origin = { name, seq: 3, published: 2, isMinted: true, rows: 3, low: 1, high: 3, ...change };
  return {
    origins: [origin],
    positions: new Map([[0, 5]]),
    stalled: new Set(),
    quarantined: new Set(),
    ...rest,
  };
}

const attempt: Attempt = {
  id: 'w1',
  machine: 'order-1',
  row: {},
  outcome: 'acknowledged',
  place: { origin: name, seq: 3 },
  excuse: undefined,
};
const context: InstantContext = {
  machine: 'order-1',
  taken: [{ partition: 0, offset: 4, place: { origin: name, seq: 3 } }],
  everLogged: new Map([[name, new Set([1, 2, 3])]]),
  attempts: [attempt],
  running: new Set(),
  isImported: false,
};
const rules = (of: Holding, change: Partial<InstantContext> = {}): string[] =>
  checkInstant(of, { ...context, ...change }).map(({ rule }) => rule);

describe('one instant', () => {
  it('with whole prefixes, honest claims and reasons for every offset is well', () => {
    expect(rules(holding())).toEqual([]);
  });

  it.each<[string, Partial<HeldOrigin>]>([
    ['a row in between is missing', { rows: 2 }],
    ['the first row is missing', { rows: 3, low: 2, high: 4 }],
    ['there are more rows than seq says', { rows: 4, high: 4 }],
  ])('where %s is I3', (_, change) => {
    expect(rules(holding(change))).toContain('I3');
  });

  it('where an acknowledged row is not on its own disk is I1', () => {
    const far = { ...attempt, place: { origin: name, seq: 4 } };
    expect(rules(holding(), { attempts: [far] })).toEqual(['I1']);
    expect(rules(holding(), { attempts: [{ ...attempt, place: { origin: 'another', seq: 1 } }] })).toEqual([
      'I1',
    ]);
  });

  it('where a row of a run that goes on was never in the log is I4, of one that has ended it is not', () => {
    const foreign = holding({ isMinted: false, published: 0, seq: 4, rows: 4, high: 4 });
    expect(rules(foreign, { running: new Set([name]) })).toEqual(['I4']);
    expect(rules(holding({ isMinted: false }), { running: new Set([name]) })).toEqual([]);
    expect(rules(foreign)).toEqual([]);
  });

  it('where a snapshot has brought rows without a position is I3', () => {
    const without = holding({}, { positions: new Map() });
    expect(rules(without, { isImported: true })).toEqual(['I3']);
    expect(rules(without)).toEqual([]);
    expect(rules(holding(), { isImported: true })).toEqual([]);
  });

  it('where `published` says more than there is, or than the log ever had, is I4', () => {
    expect(rules(holding({ published: 4 }))).toEqual(['I4']);
    expect(rules(holding(), { everLogged: new Map() })).toEqual(['I4']);
  });

  it('where an offset was passed without a reason is I5, and where there is one it is well', () => {
    const taken = [{ partition: 0, offset: 4, place: { origin: 'order-2.x', seq: 1 } }];
    expect(rules(holding(), { taken })).toEqual(['I5']);
    expect(rules(holding({}, { stalled: new Set(['order-2.x']) }), { taken })).toEqual([]);
    const strange = [{ partition: 0, offset: 4, place: undefined }];
    expect(rules(holding(), { taken: strange })).toEqual(['I5']);
    expect(rules(holding({}, { quarantined: new Set(['0:4']) }), { taken: strange })).toEqual([]);
    expect(rules(holding({}, { positions: new Map([[0, 4]]) }), { taken: strange })).toEqual([]);
  });
});

describe('the ledger', () => {
  it('takes for recoverable what directories hold, and what the log continues without a hole', () => {
    const logged = new Map([
      [name, new Set([4, 5, 7])],
      ['other', new Set([2, 3])],
    ]);
    expect(Object.fromEntries(recoverableFrom([holding()], logged))).toEqual({ [name]: 5, other: 0 });
  });

  it('names what is lost without an excuse, and excuses only what a fault has just taken', () => {
    const ledger = new Ledger();
    const one = ledger.attempt({ id: 'w1', machine: 'order-1', row: {} });
    one.place = { origin: name, seq: 3 };
    expect(ledger.lost(new Map([[name, 3]]))).toEqual([]);
    expect(ledger.lost(new Map([[name, 2]])).map(({ rule }) => rule)).toEqual(['I1']);
    ledger.excuse(new Map([[name, 2]]), 'removed replica');
    expect(one.excuse).toBe('removed replica');
    expect(ledger.lost(new Map())).toEqual([]);
  });
});
