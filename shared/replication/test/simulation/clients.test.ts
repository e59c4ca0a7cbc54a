/**
 * The judge of reads (I7), with replicas that answer wrongly on purpose.
 */
import { describe, expect, it } from 'vitest';
import { Clients } from '../../simulation/clients.ts';
import { Ledger } from '../../simulation/ledger.ts';
import type { Machine } from '../../simulation/machine.ts';
import type { Operation } from '../../simulation/plan.ts';
import { SeededRandom } from '../../simulation/seeded-random.ts';
import type { SimulatedCluster } from '../../simulation/simulated-cluster.ts';
import type { Violation } from '../../simulation/violation.ts';
import { ReplicationError, type ReplicationErrorCode } from '../../src/errors.ts';
import type { Row } from '../../src/table.ts';
import { formatToken } from '../../src/token.ts';

const origin = 'order-1.01J00000000000000000000001';

/** One replica that shows what it is told to show, and one client of it. */
function openShop() {
  const shop = {
    shown: [] as string[],
    refusal: undefined as ReplicationErrorCode | undefined,
    violations: [] as Violation[],
    ledger: new Ledger(),
  };
  let seq = 0;
  const replica = {
    insert: async (_: string, row: Row) => {
      seq += 1;
      shop.shown.push(String(row.note_id));
      return { token: formatToken(origin, seq) };
    },
    assertReadable: () => undefined,
    covers: async () => {
      if (shop.refusal) throw new ReplicationError({ code: shop.refusal, message: 'planted', hint: '' });
    },
    reads: { all: async () => shop.shown.map((note_id) => ({ note_id })) },
  };
  const machine = { id: 'order-1', life: { replica }, wall: {} } as unknown as Machine;
  const cluster = {
    up: [machine],
    violations: shop.violations,
    ledger: shop.ledger,
    scheduler: { note: () => undefined, clockOf: () => ({ now: () => 0 }) },
  };
  const clients = new Clients(cluster as unknown as SimulatedCluster, new SeededRandom('shop'));
  const ask = async (kind: Operation['kind']): Promise<void> => {
    clients.begin({ atMs: 0, kind, client: 0, pick: 0, isLogged: false });
    while (clients.counts.answered < clients.counts.begun && shop.violations.length === 0)
      await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return { shop, ask, clients, machine, rules: () => shop.violations.map(({ rule }) => rule) };
}

describe('reads of one replica', () => {
  it('that show everything again are well', async () => {
    const { ask, rules } = openShop();
    for (const kind of ['write', 'read', 'write', 'read', 'read own'] as const) await ask(kind);
    expect(rules()).toEqual([]);
  });

  it('that go back are I7', async () => {
    const { shop, ask, rules } = openShop();
    for (const kind of ['write', 'read'] as const) await ask(kind);
    shop.shown = [];
    await ask('read');
    expect(rules()).toEqual(['I7']);
    expect(shop.violations[0]?.what).toContain('it showed that before');
  });

  it('may go back where its disk was put back', async () => {
    const { shop, ask, clients, machine, rules } = openShop();
    for (const kind of ['write', 'read'] as const) await ask(kind);
    shop.shown = [];
    clients.diskChanged(machine);
    await ask('read');
    expect(rules()).toEqual([]);
  });
});

describe('a read with a token', () => {
  it('that misses its write is I7', async () => {
    const { shop, ask, rules } = openShop();
    await ask('write');
    shop.shown = [];
    await ask('read own');
    expect(rules()).toEqual(['I7']);
    expect(shop.violations[0]?.what).toContain('its token was sent along');
  });

  it('that is refused for a while is well', async () => {
    const { shop, ask, rules } = openShop();
    await ask('write');
    shop.shown = [];
    shop.refusal = 'token-not-covered';
    await ask('read own');
    expect(rules()).toEqual([]);
  });

  it('that is told that its write is gone is I7, unless a fault took the last copy', async () => {
    const { shop, ask, rules } = openShop();
    await ask('write');
    shop.shown = [];
    shop.refusal = 'write-gone';
    shop.ledger.excuse(new Map(), 'removed replica');
    await ask('read own');
    expect(rules()).toEqual([]);
    for (const attempt of shop.ledger.attempts) attempt.excuse = undefined;
    await ask('read own');
    expect(rules()).toEqual(['I7']);
  });
});
