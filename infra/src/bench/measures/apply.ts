/**
 * Apply: rows/s of a new replica that reads a backlog from Kafka, by either driver.
 *
 * Against the lower of two limits: kafkajs consuming the same topic and doing nothing, and a loop over a prepared
 * statement in `node:sqlite` with the same tables and batches.
 */
import { join } from 'node:path';
import { waitFor } from '../../process/wait-for.ts';
import { startBenchBroker } from '../bench-broker.ts';
import type { BenchGround } from '../bench-ground.ts';
import type { Measured } from '../bench-row.ts';
import { type Client, clients } from '../clients.ts';
import { USERS } from '../contest.ts';
import { interleaved } from '../interleaved.ts';
import { rowsOf } from '../services.ts';

const RUNS = 3;
const goals = { sqlite3: 0.6, 'better-sqlite3': 0.8 } as const;

/** Measures a row for each driver. */
export async function measureApply(ground: BenchGround): Promise<Measured[]> {
  const events = ground.isQuick ? 30_000 : 500_000;
  const rounds = ground.isQuick ? 1 : 3;
  const { bootstrap } = await startBenchBroker(ground);
  ground.progress(`appending ${events} events`);
  await ground.run('fillTopic', { bootstrap, events, users: USERS, runs: RUNS });
  const fileOf = (name: string): string => join(ground.folder(name), 'orders.db');
  const rate = (running: Promise<{ perSecond: number }>): Promise<number> =>
    running.then(({ perSecond }) => perSecond);
  const replica = (client: Client) => () => applyRate(ground, { bootstrap, events, client });
  const found = await interleaved(
    {
      sqlite3: replica('sqlite3'),
      consume: () => rate(ground.run('consumeTopic', { bootstrap })),
      'better-sqlite3': replica('better-sqlite3'),
      loop: () => rate(ground.run('applyLoop', { file: fileOf('loop'), rows: events, users: USERS })),
    },
    { rounds, signal: ground.signal, onRound: (round) => ground.progress(`round ${round} of ${rounds}`) },
  );
  ground.progress(`kafkajs alone ${found.consume.toFixed(0)}/s, the loop alone ${found.loop.toFixed(0)}/s`);
  return clients.map((client) => ({
    measure: `apply of ${events} events from Kafka, ${client}`,
    unit: 'rows/s',
    ours: found[client],
    limit: Math.min(found.consume, found.loop),
    goal: { kind: 'at least', value: goals[client] },
  }));
}

/** Rows a second between the first tenth and the last row, so that starting does not count. */
async function applyRate(
  ground: BenchGround,
  options: { bootstrap: string; events: number; client: Client },
): Promise<number> {
  const { bootstrap, events, client } = options;
  const file = join(ground.folder('apply'), 'orders.db');
  const service = await ground.start<{ url: string }>('service', { kind: 'kafka', bootstrap, file, client });
  let first: { rows: number; atMs: number } | undefined;
  const perSecond = await waitFor({
    what: `${events} rows`,
    timeoutMs: 600_000,
    intervalMs: 100,
    signal: ground.signal,
    look: async () => {
      const rows = await rowsOf(service.answer.url);
      const atMs = performance.now();
      if (rows >= events / 10) first ??= { rows, atMs };
      if (rows < events || !first) return { missing: `it has ${rows}` };
      return { found: ((rows - first.rows) / (atMs - first.atMs)) * 1000 };
    },
  });
  await service.stop();
  return perSecond;
}
