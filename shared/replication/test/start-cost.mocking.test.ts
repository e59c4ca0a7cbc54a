/**
 * What a start costs: a replica with a million rows is back as soon as one with a few.
 *
 * Held against SQLite's own plan of every statement of a start, so that no clock is needed.
 */
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { MemoryBroker, startReplica, temporaryDirectory, untilLive } from '../testing/index.ts';
import { insertNotes, untilPublished } from '../testing/note-replicas.ts';

const asked = vi.hoisted(() => new Set<string>());

vi.mock('../src/sqlite.ts', async (load) => {
  const real = await load<typeof import('../src/sqlite.ts')>();
  const noting = <C extends { all: (...given: never[]) => unknown; run?: (...given: never[]) => unknown }>(
    connection: C,
  ): C =>
    new Proxy(connection, {
      get(target, name) {
        const found: unknown = Reflect.get(target, name, target);
        if (typeof found !== 'function') return found;
        return (sql: string, ...values: unknown[]) => {
          if (name === 'all' || name === 'run') asked.add(sql);
          return found.call(target, sql, ...values);
        };
      },
    });
  return {
    ...real,
    openDatabase: async (options: Parameters<typeof real.openDatabase>[0]) => {
      const database = await real.openDatabase(options);
      return { ...database, writer: noting(database.writer), reader: noting(database.reader) };
    },
  };
});

const { openForReading } = await import('../src/sqlite.ts');
const directory = temporaryDirectory();

afterEach(() => directory.remove());

it('goes through no table of rows, not even through an index of one', async () => {
  const broker = new MemoryBroker();
  const first = await startReplica('a', { directory: directory.path, broker });
  await untilLive(first.replica);
  await insertNotes(first.replica, 'n', 20);
  await untilPublished(first.replica);
  await first.replica.stop();
  asked.clear();
  const again = await startReplica('a', { directory: directory.path, broker, limits: { startCheckMs: 0 } });
  await untilLive(again.replica);
  await again.replica.stop();
  expect(again.failures).toEqual([]);

  const connection = await openForReading(join(directory.path, 'a', 'notes.db'));
  const scans: string[] = [];
  for (const sql of [...asked].filter((text) => /^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)/.test(text))) {
    const tables = [...sql.matchAll(/\b(notes|tags|replication_hidden)\b(?:\s+(?!ON\b|WHERE\b|r\.)(\w+))?/g)];
    const names = tables.flatMap(([, name, alias]) => [name, alias]);
    const plan = await connection.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`);
    for (const { detail } of plan) {
      // To search for max() or min() without a bound in brackets is to go through all, too.
      const [, name = ''] = /^(?:SCAN|SEARCH) (\w+)(?!.*\(\w+)/.exec(detail) ?? [];
      if (names.includes(name)) scans.push(`${detail}: ${sql}`);
    }
  }
  await connection.close();
  expect(asked.size).toBeGreaterThan(10);
  expect(scans).toEqual([]);
});
