/**
 * Lag: how long after its answer an insert is visible on a peer, in a cluster of three.
 *
 * One at a time, against Kafka's client alone, by turns with it; and at a rate over all replicas, against nothing.
 */
import { startBenchBroker } from '../bench-broker.ts';
import type { BenchGround } from '../bench-ground.ts';
import type { Measured } from '../bench-row.ts';
import type { Client } from '../clients.ts';
import { atRate, type LagAnswer, type LagTask, type PacedLagAnswer, type PacedLagTask } from '../lag.ts';
import { replicaTasks, startServices } from '../services.ts';

const REPLICAS = 3;
const PER_SECOND = 1000;

/** Measures both for each driver. */
export async function measureLag(ground: BenchGround): Promise<Measured[]> {
  const { bootstrap } = await startBenchBroker(ground);
  const rows: Measured[] = [];
  for (const client of ground.clients) rows.push(...(await measureClient(ground, { bootstrap, client })));
  return rows;
}

async function measureClient(
  ground: BenchGround,
  { bootstrap, client }: { bootstrap: string; client: Client },
): Promise<Measured[]> {
  const cluster = { bootstrap, topicPrefix: `${client}.`, client };
  const services = await startServices(ground, replicaTasks(ground, cluster, REPLICAS));
  const urls = services.map(({ url }) => url);
  const count = ground.isQuick ? 300 : 3000;
  ground.progress(`${client}: ${count} inserts, one at a time`);
  const task: LagTask = { urls, bootstrap, topic: `echo.${client}`, count, warmUps: count / 10 };
  const { ours, kafkajs } = await ground.run<LagAnswer>('lag', task);
  const seconds = ground.isQuick ? 5 : 30;
  ground.progress(`${client}: ${PER_SECOND} inserts a second for ${seconds} s`);
  const pacedTask: PacedLagTask = { urls, perSecond: PER_SECOND, seconds: 2, everyNth: 10 };
  await ground.run('pacedLag', pacedTask);
  const paced = await ground.run<PacedLagAnswer>('pacedLag', { ...pacedTask, seconds });
  await Promise.all(services.map((service) => service.stop()));
  ground.progress(
    `${client}: ${paced.perSecond.toFixed(0)}/s were placed, ${paced.bad} were not; lag p50 ${paced.p50Ms.toFixed(1)} ms`,
  );
  return [
    {
      measure: `lag p50, one insert at a time, ${client}`,
      unit: 'ms',
      ours: ours.p50Ms,
      limit: kafkajs.p50Ms,
      goal: { kind: 'at most', value: 2 },
    },
    {
      measure: `lag p99, one insert at a time, ${client}`,
      unit: 'ms',
      ours: ours.p99Ms,
      limit: kafkajs.p99Ms,
      goal: { kind: 'at most', value: 4 },
    },
    {
      measure: `lag p99 at ${PER_SECOND} inserts/s, ${client}`,
      unit: 'ms',
      ours: atRate(paced.p99Ms, paced, PER_SECOND),
      limit: null,
      goal: { kind: 'at most', value: 100, isAbsolute: true },
    },
  ];
}
