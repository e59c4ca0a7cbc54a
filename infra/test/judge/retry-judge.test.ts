import { describe, expect, it } from 'vitest';
import {
  type HeldOrder,
  judgeRetries,
  type QuietReplica,
  type RetryEvent,
  type SeenOrder,
} from '../../src/judge/retry-judge.ts';

const seen = (key: string, body: string, at: number, orderId = `id-${key}`): SeenOrder => ({
  key,
  body,
  orderId,
  createdAt: `2026-01-01T00:00:00.00${at}Z`,
});
const row = (order: SeenOrder, origin: string, given: Partial<HeldOrder> = {}): HeldOrder => ({
  ...order,
  origin,
  seq: 1,
  isSuperseded: false,
  ...given,
});
const asked = (key: string, body: string): RetryEvent => ({ kind: 'asked', key, body });
const placed = (order: SeenOrder): RetryEvent => ({ kind: 'placed', ...order });
const refused = (key: string, body: string): RetryEvent => ({ kind: 'refused', key, body });
const read = (...orders: SeenOrder[]): RetryEvent => ({ kind: 'read', orders });

/** Two clients took one key to two replicas with two bodies; `a` was first. */
const [winner, loser] = [seen('k', 'a', 1), seen('k', 'b', 2)];
const rows = [row(winner, 'order-1.X'), row(loser, 'order-2.X', { isSuperseded: true })];

interface Judged {
  ada: RetryEvent[];
  bob: RetryEvent[];
  one: QuietReplica;
  two: QuietReplica;
  after: RetryEvent[];
}

function honest(): Judged {
  return {
    ada: [asked('k', 'a'), asked('k', 'a'), placed(winner), read(winner), read(winner)],
    bob: [asked('k', 'b'), placed(loser), read(loser), read(winner), asked('k', 'b'), refused('k', 'b')],
    one: { name: 'order-1', rows, shown: [winner] },
    two: { name: 'order-2', rows, shown: [winner] },
    after: [placed(winner), refused('k', 'b')],
  };
}

function kindsOf({ ada, bob, one, two, after }: Judged): string[] {
  const histories = new Map([
    ['ada', ada],
    ['bob', bob],
  ]);
  return judgeRetries({ histories, replicas: [one, two], after }).map(({ kind }) => kind);
}

describe('the judge of retries', () => {
  it('lets pass what the rules allow: a loser that was answered, shown for a while, and gave way', () => {
    expect(kindsOf(honest())).toEqual([]);
  });

  it('owes nothing for requests that were not answered, stored or not', () => {
    const run = honest();
    run.ada.push(asked('unknown', 'x'));
    expect(kindsOf(run)).toEqual([]);
  });

  it.each<[string, string[], (run: Judged) => void]>([
    [
      'callers that were told two ids',
      ['two ids for a key', 'loser accepted'],
      (run) => run.after.unshift(placed({ ...winner, orderId: 'other' })),
    ],
    [
      'a read that shows two orders of a key',
      ['two orders shown', 'went back'],
      (run) => run.ada.push(read(winner, loser)),
    ],
    [
      'a read that shows an order by another id, which nobody holds',
      ['two ids for a key', 'lost', 'lost'],
      (run) => run.ada.push(read({ ...winner, orderId: 'x' })),
    ],
    [
      'a read that shows what no replica holds in the end',
      ['lost', 'lost'],
      (run) => run.ada.push(read({ ...winner, createdAt: '2026-01-01T00:00:00.000Z' })),
    ],
    [
      'a replica that shows two orders of a key in the end',
      ['two orders shown'],
      (run) => (run.two = { ...run.two, shown: [loser, winner] }),
    ],
    ['a write that its client does not see', ['own write missed'], (run) => run.ada.splice(3, 2, read())],
    ['an order that was shown and is gone', ['went back'], (run) => run.bob.push(read())],
    [
      'somebody else’s order that was shown and is gone',
      ['went back'],
      (run) => {
        const other = seen('o', 'c', 3);
        run.bob.push(asked('o', 'c'), read(winner, other), read(winner));
        for (const name of ['one', 'two'] as const) {
          const { shown, rows: held } = run[name];
          run[name] = { ...run[name], shown: [...shown, other], rows: [...held, row(other, 'order-3.X')] };
        }
      },
    ],
    ['the loser shown again after the winner', ['went back'], (run) => run.bob.push(read(loser))],
    [
      'the loser shown to whom the winner was told',
      ['own write missed'],
      (run) => run.ada.splice(3, 2, read(loser)),
    ],
    [
      'a refusal where nobody has said anything else',
      ['wrongly refused'],
      (run) => run.ada.push(asked('l', 'a'), refused('l', 'a')),
    ],
    [
      'a refusal for an order that the next read does not show',
      ['refused for nothing shown'],
      (run) => run.bob.splice(0, run.bob.length, asked('k', 'b'), refused('k', 'b'), read(), read(winner)),
    ],
    [
      'an answered row that one replica lacks',
      ['lost', 'replicas differ'],
      (run) => (run.two = { ...run.two, rows: rows.slice(0, 1) }),
    ],
    [
      'an answered row that no replica has',
      ['lost', 'lost'],
      (run) => {
        for (const name of ['one', 'two'] as const) run[name] = { ...run[name], rows: rows.slice(0, 1) };
      },
    ],
    [
      'a body that nobody has said',
      ['phantom', 'phantom'],
      (run) => {
        const made = row(seen('k', 'z', 5), 'order-3.X', { isSuperseded: true });
        for (const name of ['one', 'two'] as const) run[name] = { ...run[name], rows: [...rows, made] };
      },
    ],
    [
      'a row that is shown and marked',
      ['wrong winner', 'shows another'],
      (run) => (run.two = { ...run.two, rows: rows.map((one) => ({ ...one, isSuperseded: true })) }),
    ],
    [
      'two rows that are not marked',
      ['wrong winner'],
      (run) => (run.two = { ...run.two, rows: rows.map((one) => ({ ...one, isSuperseded: false })) }),
    ],
    [
      'replicas that differ in who wins',
      ['wrong winner', 'shows another'],
      (run) =>
        (run.two = { ...run.two, rows: rows.map((one) => ({ ...one, isSuperseded: !one.isSuperseded })) }),
    ],
    [
      'a read that shows the superseded row',
      ['shows another'],
      (run) => (run.two = { ...run.two, shown: [loser] }),
    ],
    ['a replica that hides what it holds', ['shows another'], (run) => (run.two = { ...run.two, shown: [] })],
    [
      'a row with another origin elsewhere',
      ['replicas differ'],
      (run) => (run.two = { ...run.two, rows: rows.map((one) => ({ ...one, seq: 2 })) }),
    ],
    [
      'a retry of the loser that is taken in the end',
      ['loser accepted'],
      (run) => run.after.push(placed(loser)),
    ],
    [
      'a retry of the winner that is refused in the end',
      ['winner refused'],
      (run) => run.after.push(refused('k', 'a')),
    ],
  ])('finds %s', (_what, expected, plant) => {
    const run = honest();
    plant(run);
    expect(kindsOf(run)).toEqual(expected);
  });

  it('decides by the origin where the times are equal, and then by the seq', () => {
    const tied = { ...loser, createdAt: winner.createdAt };
    const run = honest();
    run.bob = [asked('k', 'b'), placed(tied), read(tied)];
    for (const name of ['one', 'two'] as const) {
      run[name] = {
        ...run[name],
        rows: [rows[0] ?? row(winner, ''), row(tied, 'order-2.X', { isSuperseded: true })],
      };
    }
    expect(kindsOf(run)).toEqual([]);
    for (const name of ['one', 'two'] as const) {
      run[name] = {
        ...run[name],
        rows: [row(winner, 'order-3.X'), row(tied, 'order-2.X', { isSuperseded: true })],
      };
    }
    expect(kindsOf(run)).toEqual(['wrong winner', 'wrong winner']);
  });

  it('finds a loser of the same instant that is shown again after the winner', () => {
    const tied = { ...loser, createdAt: winner.createdAt };
    const run = honest();
    run.bob = [asked('k', 'b'), placed(tied), read(tied), read(winner)];
    for (const name of ['one', 'two'] as const)
      run[name] = {
        ...run[name],
        rows: [row(winner, 'order-1.X'), row(tied, 'order-2.X', { isSuperseded: true })],
      };
    expect(kindsOf(run)).toEqual([]);
    run.bob.push(read(tied));
    expect(kindsOf(run)).toEqual(['went back']);
  });

  it('accuses nobody where two replicas took the same body at the same instant', () => {
    const run = honest();
    const twin = row(winner, 'order-2.X', { seq: 7, isSuperseded: true });
    for (const name of ['one', 'two'] as const) run[name] = { ...run[name], rows: [...rows, twin] };
    expect(kindsOf(run)).toEqual([]);
  });
});
