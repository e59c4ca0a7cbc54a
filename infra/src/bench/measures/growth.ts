/**
 * Growth: what an insert, a read of 50 orders and a look at the status cost a replica that holds many orders, against
 * one that holds few. Log in memory, 64 clients; every user has 50 orders, and users everywhere in the table are asked.
 */
import { join } from 'node:path';
import type { BenchGround } from '../bench-ground.ts';
import type { Measured } from '../bench-row.ts';
import { type Contender, contest } from '../contest.ts';
import { interleaved, median } from '../interleaved.ts';
import { type Service, startService } from '../services.ts';

const ORDERS_A_USER = 50;
const LEAST = 10_000;
const LOOKS = 100;
const WARM_UP_LOOKS = 20;

/** Measures the three costs for every size above the least. */
export async function measureGrowth(ground: BenchGround): Promise<Measured[]> {
  const sizes = [LEAST, ...(ground.isQuick ? [100_000] : [1_000_000, 5_000_000])];
  const services: Record<string, Service> = {};
  const contenders: Record<string, Contender> = {};
  for (const rows of sizes) {
    ground.progress(`making a database of ${rows} orders`);
    const file = join(ground.folder(`growth-${rows}`), 'orders.db');
    const users = rows / ORDERS_A_USER;
    await ground.run('fillDatabase', { file, rows, users });
    const service = await startService(ground, { kind: 'replica', file });
    services[rows] = service;
    contenders[rows] = { urls: [service.url], users };
  }
  const pace = { ...ground.pace, rounds: Math.min(5, ground.pace.rounds) };
  // Inserts last: they make the smallest one larger.
  const reads = await contest(ground, { kind: 'get', contenders, pace });
  const looks = await interleaved(
    Object.fromEntries(Object.entries(services).map(([rows, { url }]) => [rows, () => lookMs(url)])),
    { rounds: pace.rounds, signal: ground.signal },
  );
  const inserts = await contest(ground, { kind: 'post', contenders, pace });
  const costs = { insert: inverse(inserts), 'read of 50 orders': inverse(reads), status: looks };
  return sizes.slice(1).flatMap((rows) =>
    Object.entries(costs).map(([what, cost]) => ({
      measure: `growth: ${what}, ${rows} orders against ${LEAST}`,
      unit: 'ms',
      ours: cost[rows] ?? Number.NaN,
      limit: cost[LEAST] ?? Number.NaN,
      goal: { kind: 'at most', value: 1.3 } as const,
    })),
  );
}

/** Milliseconds a request, from requests a second. */
function inverse(rates: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(rates).map(([name, perSecond]) => [name, 1000 / perSecond]));
}

/** Median of looks at the status, one after the other. */
async function lookMs(url: string): Promise<number> {
  const tookMs: number[] = [];
  for (let look = -WARM_UP_LOOKS; look < LOOKS; look += 1) {
    const begunMs = performance.now();
    await (await fetch(`${url}/replication/status`, { signal: AbortSignal.timeout(10_000) })).text();
    if (look >= 0) tookMs.push(performance.now() - begunMs);
  }
  return median(tookMs);
}
