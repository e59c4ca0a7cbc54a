/**
 * Rows, links and headers of each schema version, as they were written when it was the newest. Replicas hold such
 * rows for ever: a failure here means that a build could no longer verify them. Change the code, not the file.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createChain } from '../src/chain.ts';
import { decodeRecord, encodeEvent } from '../src/change-event.ts';
import { defineTable, type Row } from '../src/table.ts';
import { notes, tags } from '../testing/index.ts';

interface Golden {
  readonly cluster: string;
  readonly secret: string;
  readonly events: readonly {
    readonly table: string;
    readonly row: Row;
    readonly key: string;
    readonly value: string;
    readonly headers: Readonly<Record<string, string>>;
  }[];
}

const golden: Golden = JSON.parse(
  readFileSync(new URL('./fixtures/events-schema-1.json', import.meta.url), 'utf8'),
);
const tables = new Map([notes, tags].map((one) => [one.name, defineTable(one)]));

describe('golden events of schema version 1', () => {
  it.each(golden.events)('$headers.ce_id keeps its bytes, its link and its headers', (stored) => {
    const chain = createChain(golden);
    const table = tables.get(stored.table);
    if (!table) throw new Error(`no table ${stored.table}`);
    const value = Buffer.from(stored.value);
    const headers = Object.fromEntries(
      Object.entries(stored.headers).map(([name, text]) => [name, Buffer.from(text)]),
    );
    expect(table.decode(value, 1)).toEqual(stored.row);
    expect(table.encode(table.check(stored.row), 1).toString()).toBe(stored.value);
    const record = {
      offset: 0,
      isMarker: false,
      timestampMs: 0,
      key: Buffer.from(stored.key),
      value,
      headers,
    };
    const { event, refusal } = decodeRecord(record, chain);
    expect(refusal).toBeUndefined();
    if (!event) return;
    const { cluster } = golden;
    const time = String(stored.row[table.createdAt]);
    expect(encodeEvent(event, { cluster, key: stored.key, time })).toEqual({
      key: stored.key,
      value,
      headers: stored.headers,
    });
  });
});
