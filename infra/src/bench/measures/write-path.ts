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
import { contest } from '../contest.ts';
import { startService } from '../services.ts';

/** Measures both rows. */
export async function measureWritePath(ground: BenchGround): Promise<Measured[]> {
  const folder = ground.folder('write-path');
  const start = async (task: object) => ({ urls: [(await startService(ground, task)).url] });
  const { replica, idle, obvious } = await contest(ground, {
    kind: 'post',
    contenders: {
      replica: await start({ kind: 'replica', file: join(folder, 'replica', 'orders.db') }),
      idle: await start({ kind: 'idle', file: '' }),
      obvious: await start({ kind: 'obvious', file: join(folder, 'obvious', 'orders.db') }),
    },
  });
  return [
    {
      measure: 'write path, against storing nothing',
      unit: '/s',
      ours: replica,
      limit: idle,
      goal: { kind: 'at least', value: 0.85 },
    },
    {
      measure: 'write path, against the obvious way',
      unit: '/s',
      ours: replica,
      limit: obvious,
      goal: { kind: 'at least', value: 8 },
    },
  ];
}
