/**
 * Write path: POST 201/s with 64 clients on one replica, row on disk before the answer, a log that acknowledges at
 * once.
 *
 * Against the same route that validates and stores nothing (how much of the way is ours?), and against the same
 * route with one transaction and one send a request (what did it bring?).
 */
import { join } from 'node:path';
import type { BenchGround } from '../bench-ground.ts';
import type { Measured } from '../bench-row.ts';
import { type Client, clients } from '../clients.ts';
import { contest } from '../contest.ts';
import { startService } from '../services.ts';

/** Measures a row for each driver, and one against the obvious way. */
export async function measureWritePath(ground: BenchGround): Promise<Measured[]> {
  const folder = ground.folder('write-path');
  const start = async (task: object) => ({ urls: [(await startService(ground, task)).url] });
  const replica = (client: Client) =>
    start({ kind: 'replica', file: join(folder, client, 'orders.db'), client });
  const found = await contest(ground, {
    kind: 'post',
    contenders: {
      sqlite3: await replica('sqlite3'),
      idle: await start({ kind: 'idle', file: '' }),
      'better-sqlite3': await replica('better-sqlite3'),
      obvious: await start({ kind: 'obvious', file: join(folder, 'obvious', 'orders.db') }),
    },
  });
  return [
    ...clients.map((client) => ({
      measure: `write path, against storing nothing, ${client}`,
      unit: '/s',
      ours: found[client],
      limit: found.idle,
      goal: { kind: 'at least', value: 0.85 } as const,
    })),
    {
      measure: 'write path, against the obvious way, sqlite3',
      unit: '/s',
      ours: found.sqlite3,
      limit: found.obvious,
      goal: { kind: 'at least', value: 8 },
    },
  ];
}
