/**
 * Read path: GET of 50 orders a second with 64 clients on one replica, by either driver, no cache of answers.
 *
 * Against the same route that answers a constant body of that size.
 */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchGround } from '../bench-ground.ts';
import type { Measured } from '../bench-row.ts';
import { type Client, clients } from '../clients.ts';
import { contest, USERS } from '../contest.ts';
import { startService } from '../services.ts';

const ORDERS_A_USER = 50;
const goals = { sqlite3: 0.4, 'better-sqlite3': 0.6 } as const;

/** Measures a row for each driver. */
export async function measureReadPath(ground: BenchGround): Promise<Measured[]> {
  const folder = ground.folder('read-path');
  const file = join(folder, 'sqlite3', 'orders.db');
  const task = { file, rows: USERS * ORDERS_A_USER, users: USERS };
  const { listJson } = await ground.run<{ listJson: string }>('fillDatabase', task);
  // A directory belongs to one process.
  cpSync(join(folder, 'sqlite3'), join(folder, 'better-sqlite3'), { recursive: true });
  const start = async (task: object) => ({ urls: [(await startService(ground, task)).url] });
  const replica = (client: Client) =>
    start({ kind: 'isolated', file: join(folder, client, 'orders.db'), client });
  const found = await contest(ground, {
    kind: 'get',
    contenders: {
      sqlite3: await replica('sqlite3'),
      constant: await start({ kind: 'idle', file: '', listJson }),
      'better-sqlite3': await replica('better-sqlite3'),
    },
  });
  return clients.map((client) => ({
    measure: `read path, ${client}`,
    unit: '/s',
    ours: found[client],
    limit: found.constant,
    goal: { kind: 'at least', value: goals[client] },
  }));
}
