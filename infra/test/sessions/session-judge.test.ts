import { describe, expect, it } from 'vitest';
import { judgeEnd, judgeSession, type SessionEvent } from '../../src/sessions/session-judge.ts';

const asked = (key: string, userId = 'ada'): SessionEvent => ({ kind: 'asked', userId, key });
const placed = (key: string, orderId: string, userId = 'ada'): SessionEvent => ({
  kind: 'placed',
  userId,
  key,
  orderId,
});
const read = (orderIds: string[], userId = 'ada'): SessionEvent => ({ kind: 'read', userId, orderIds });
const kinds = (breaches: readonly { kind: string }[]): string[] => breaches.map(({ kind }) => kind);

describe('the judge of one session', () => {
  it('lets a client pass that sees its writes and more and more', () => {
    const history = [
      read([]),
      asked('k'),
      placed('k', 'o1'),
      read(['o1']),
      read(['o0', 'o1']),
      read(['o1', 'o0']),
    ];
    expect(judgeSession('c', history)).toEqual([]);
  });

  it.each<[string, SessionEvent[], string[]]>([
    ['a write that the next read misses', [placed('k', 'o1'), read([])], ['own write missed']],
    [
      'a write that is missed later, after it was shown',
      [placed('k', 'o1'), read(['o1']), read([])],
      ['went back'],
    ],
    ["somebody else's order that was shown and is gone", [read(['o7']), read([])], ['went back']],
    ['an order that was gone and came back', [read(['o7']), read([]), read(['o7'])], ['went back']],
    [
      'every write of two that one read misses',
      [placed('k', 'o1'), placed('l', 'o2'), read([])],
      ['own write missed', 'own write missed'],
    ],
    ['a key that was answered with two orders', [placed('k', 'o1'), placed('k', 'o2')], ['another answer']],
  ])('finds %s', (_what, history, expected) => {
    expect(kinds(judgeSession('c', history))).toEqual(expected);
  });

  it("does not mix one user's orders with another's", () => {
    const history = [placed('k', 'o1', 'ada'), read([], 'bob'), read(['o9'], 'bob'), read(['o1'], 'ada')];
    expect(judgeSession('c', history)).toEqual([]);
  });

  it('owes nothing for a request that was never answered', () => {
    expect(judgeSession('c', [asked('k'), read([])])).toEqual([]);
  });
});

describe('the judge of the end', () => {
  const told = [asked('k'), placed('k', 'o1')];

  it('lets pass what was asked for, answered or not', () => {
    const orders = [
      { orderId: 'o1', key: 'k' },
      { orderId: 'o2', key: 'l' },
    ];
    expect(judgeEnd([told, [asked('l')]], orders)).toEqual([]);
    expect(judgeEnd([told, [asked('l')]], orders.slice(0, 1))).toEqual([]);
  });

  it.each<[string, { orderId: string; key: string }[], string[]]>([
    ['an answered order that is lost', [], ['lost']],
    [
      'two orders for one key',
      [
        { orderId: 'o1', key: 'k' },
        { orderId: 'o2', key: 'k' },
      ],
      ['two orders for a key'],
    ],
    [
      'an order that nobody asked for',
      [
        { orderId: 'o1', key: 'k' },
        { orderId: 'o2', key: 'x' },
      ],
      ['phantom'],
    ],
    ['another order than the one that was answered', [{ orderId: 'o9', key: 'k' }], ['lost']],
  ])('finds %s', (_what, orders, expected) => {
    expect(kinds(judgeEnd([told], orders))).toEqual(expected);
  });
});
