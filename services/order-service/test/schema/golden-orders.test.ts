/**
 * Rows, links and headers of each schema version of the orders, as they were written when it was the newest. Replicas
 * hold such rows for ever: a failure here means that a build could no longer verify them. Change the code, not a file.
 */
import { readFileSync } from 'node:fs';
import type { DatabaseDescription, Replica, Row } from '@dbsync/replication';
import {
  defineTable,
  ForeignRun,
  MemoryBroker,
  rawRecord,
  testCluster,
  waitUntil,
} from '@dbsync/replication/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { ordersDatabase } from '../../src/schema/orders-table.ts';
import { ordersOfVersion1 } from '../fixtures/version-1.ts';
import { openPeer, stopEverything } from '../running-service.ts';

afterEach(stopEverything);

interface Golden {
  readonly cluster: string;
  readonly secret: string;
  readonly origin: string;
  readonly events: readonly {
    readonly row: Row;
    readonly schemaVersion: number;
    readonly key: string;
    readonly value: string;
    readonly headers: Readonly<Record<string, string>>;
  }[];
}

function goldenOf(version: number): Golden {
  const file = new URL(`../fixtures/orders-events-${version}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** A replica of a build that reads the events of a file from the log. */
async function readerOf(golden: Golden, describeTables = ordersDatabase): Promise<Replica> {
  const broker = new MemoryBroker();
  const replica = await openPeer(broker, 'reader', describeTables);
  for (const { key, value, headers } of golden.events) {
    const asBuffers = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]);
    broker.appendRaw(0, {
      key: Buffer.from(key),
      value: Buffer.from(value),
      headers: Object.fromEntries(asBuffers),
    });
  }
  return replica;
}

function ordersTable(description: DatabaseDescription) {
  const [orders] = description.tables;
  if (!orders) throw new Error('there are no orders');
  return defineTable(orders);
}

describe.each([1, 2])('golden events of schema version %i', (version) => {
  const golden = goldenOf(version);

  it('are what this build writes in that version', () => {
    expect(testCluster).toMatchObject({ cluster: golden.cluster, secret: golden.secret });
    const table = ordersTable(ordersDatabase('orders'));
    const run = new ForeignRun(golden.origin);
    for (const { row, schemaVersion, key, value, headers } of golden.events) {
      const record = rawRecord(run.write(table.check(row), { table, schemaVersion }), key);
      expect(record.value?.toString()).toBe(value);
      const { ce_time: _, ...written } = Object.fromEntries(
        Object.entries(record.headers).map(([name, text]) => [name, text?.toString()]),
      );
      expect(headers).toMatchObject(written);
      expect(headers.ce_time).toBe(row.created_at);
    }
  });

  it('are applied by this build, verify from its rows, and are handed on as they came', async () => {
    const reader = await readerOf(golden);
    await waitUntil('all are applied', async () => {
      const { rows, stalled, quarantined } = await reader.status();
      return rows === golden.events.length || JSON.stringify({ rows, stalled, quarantined });
    });
    expect(await reader.upkeep.hidden()).toEqual([]);
    const { digest, expected, problems } = await reader.deepCheck();
    expect({ digest, problems }).toEqual({ digest: expected, problems: [] });
    const events = await reader.changes(golden.origin, { after: 0, limit: 100 });
    expect(
      events.map(({ schemaVersion, bytes, chain, key, time }) => [
        schemaVersion,
        bytes.toString(),
        chain.toString('hex'),
        key,
        time,
      ]),
    ).toEqual(
      golden.events.map(({ schemaVersion, value, headers, key, row }) => [
        schemaVersion,
        value,
        headers.ce_chain,
        key,
        row.created_at,
      ]),
    );
    const notes = await reader.reads.all('SELECT note FROM orders ORDER BY seq');
    expect(notes).toEqual(golden.events.map(({ row }) => ({ note: row.note ?? null })));
  });
});

describe('the build of schema version 1', () => {
  it('applies its own events, and stalls at the first one of version 2 with nothing skipped', async () => {
    const first = await readerOf(goldenOf(1), ordersOfVersion1);
    await waitUntil('all are applied', async () => (await first.status()).rows === 3);
    const { origin, events } = goldenOf(2);
    const second = await readerOf(goldenOf(2), ordersOfVersion1);
    await waitUntil('it is stalled', async () => (await second.status()).stalled.length === 1);
    const { rows, stalled } = await second.status();
    expect(rows).toBe(events.filter(({ schemaVersion }) => schemaVersion === 1).length);
    expect(stalled).toMatchObject([{ origin, reason: 'schema', offset: rows }]);
  });
});
