/**
 * Cost: seconds of processor time that a replica spends on a thousand inserts that everybody ends up with, in a cluster
 * of five against a cluster of two, at the same rate of inserts over all replicas.
 */
import { startBenchBroker } from '../bench-broker.ts';
import type { BenchGround } from '../bench-ground.ts';
import type { Measured } from '../bench-row.ts';
import { interleaved } from '../interleaved.ts';
import { atRate, type PacedLagAnswer, type PacedLagTask } from '../lag.ts';
import { processMetrics, replicaTasks, rowsOf, type Service, startServices, untilHeld } from '../services.ts';

const PER_SECOND = 500;
const HELD_MS = 60_000;

/** Measures one row. */
export async function measureCost(ground: BenchGround): Promise<Measured[]> {
  const { bootstrap } = await startBenchBroker(ground);
  const { rounds, seconds } = ground.isQuick ? { rounds: 1, seconds: 3 } : { rounds: 5, seconds: 8 };
  const start = (replicas: number) =>
    startServices(ground, replicaTasks(ground, { bootstrap, topicPrefix: `of-${replicas}.` }, replicas));
  const [two, five] = [await start(2), await start(5)];
  // What is only done once (connections, code made fast) is done before.
  for (const services of [two, five]) await cpuSeconds(ground, { services, seconds: 2 });
  const found = await interleaved(
    {
      two: () => cpuSeconds(ground, { services: two, seconds }),
      five: () => cpuSeconds(ground, { services: five, seconds }),
    },
    { rounds, signal: ground.signal, onRound: (round) => ground.progress(`round ${round} of ${rounds}`) },
  );
  return [
    {
      measure: 'processor time of a replica for 1000 replicated inserts, 5 replicas against 2',
      unit: 's',
      ours: found.five,
      limit: found.two,
      goal: { kind: 'at most', value: 1.2 },
    },
  ];
}

/** Mean over the replicas, for a thousand inserts, until all hold them; infinite where these could not be had in time. */
async function cpuSeconds(
  ground: BenchGround,
  { services, seconds }: { services: readonly Service[]; seconds: number },
): Promise<number> {
  const urls = services.map(({ url }) => url);
  const spent = async () =>
    (await Promise.all(urls.map(processMetrics))).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  const [before, rows] = [await spent(), await rowsOf(urls[0] ?? '')];
  const task: PacedLagTask = { urls, perSecond: PER_SECOND, seconds, everyNth: Number.MAX_SAFE_INTEGER };
  const answer = await ground.run<PacedLagAnswer>('pacedLag', task);
  const { placed } = answer;
  await untilHeld(ground, { services, rows: rows + placed, timeoutMs: HELD_MS });
  const perThousand = ((await spent()) - before) / services.length / (placed / 1000);
  ground.progress(
    `${services.length} replicas: ${answer.perSecond.toFixed(0)}/s, ${answer.bad} were not placed`,
  );
  return atRate(perThousand, answer, PER_SECOND);
}
