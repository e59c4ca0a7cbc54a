/**
 * Cluster: three replicas and Kafka on this machine, by either driver, under 64 clients that take them in turn.
 *
 * Against three order-services on one shared PostgreSQL. Everything is up the whole time; who is not loaded does next
 * to nothing. A write to replicas counts when all three hold it. Under the writes the event loop is watched as well.
 */
import { startBenchBroker } from '../bench-broker.ts';
import type { BenchGround } from '../bench-ground.ts';
import { startBenchPostgres } from '../bench-postgres.ts';
import type { Measured } from '../bench-row.ts';
import type { Client } from '../clients.ts';
import { type Contender, contest, USERS } from '../contest.ts';
import { CLIENTS, load } from '../load.ts';
import { processMetrics, replicaTasks, type Service, startServices, untilHeld } from '../services.ts';

const REPLICAS = 3;
const ORDERS_A_USER = 50;
const FILLED_MS = 120_000;
/** What Node's histogram of the event loop's delay counts although nothing delays it: the time between two looks. */
const LOOK_MS = 10;

/** Measures reads, writes, and the delay of the event loop. */
export async function measureCluster(ground: BenchGround): Promise<Measured[]> {
  const [broker, postgres] = [await startBenchBroker(ground), await startBenchPostgres(ground)];
  const { bootstrap } = broker;
  const filled = { rows: USERS * ORDERS_A_USER, users: USERS };
  const replicas = new Map<Client, Service[]>();
  for (const client of ground.clients) {
    const cluster = { bootstrap, topicPrefix: `${client}.`, client };
    await ground.run('fillTopic', { ...cluster, events: filled.rows, users: USERS, runs: REPLICAS });
    const services = await startServices(ground, replicaTasks(ground, cluster, REPLICAS));
    await untilHeld(ground, { services, rows: filled.rows, timeoutMs: FILLED_MS });
    replicas.set(client, services);
  }
  const databaseUrl = postgres.url;
  await ground.run('fillShared', { databaseUrl, ...filled });
  const shared = await startServices(
    ground,
    Array.from({ length: REPLICAS }, (_, index) => ({
      kind: 'shared-db',
      replicaId: `shared-${index + 1}`,
      databaseUrl,
    })),
  );
  const contenders = (untilHeld: boolean): Record<string, Contender> => ({
    shared: { urls: urlsOf(shared) },
    ...Object.fromEntries(
      [...replicas].map(([client, services]) => [client, { urls: urlsOf(services), untilHeld }]),
    ),
  });
  // Reads first: writes make the lists longer.
  const reads = await contest(ground, { kind: 'get', contenders: contenders(false) });
  const writes = await contest(ground, { kind: 'post', contenders: contenders(true) });
  const rows: Measured[] = [];
  for (const [client, services] of replicas) {
    rows.push(
      {
        measure: `cluster writes until all hold them, ${client}`,
        unit: '/s',
        ours: writes[client] ?? Number.NaN,
        limit: writes.shared ?? Number.NaN,
        goal: { kind: 'at least', value: 1.2 },
      },
      {
        measure: `cluster reads of ${ORDERS_A_USER} orders, ${client}`,
        unit: '/s',
        ours: reads[client] ?? Number.NaN,
        limit: reads.shared ?? Number.NaN,
        goal: { kind: 'at least', value: 2 },
      },
      {
        measure: `event-loop delay p99 under cluster writes, ${client}`,
        unit: 'ms',
        ours: await loopDelayMs(ground, services),
        limit: null,
        goal: { kind: 'at most', value: 30, isAbsolute: true },
      },
    );
  }
  return rows;
}

function urlsOf(services: readonly Service[]): string[] {
  return services.map(({ url }) => url);
}

/** Of the replica that was delayed most. */
async function loopDelayMs(ground: BenchGround, services: readonly Service[]): Promise<number> {
  const urls = urlsOf(services);
  const seconds = ground.pace.seconds * 2;
  ground.progress(`event loop under ${seconds} s of writes`);
  const look = () => Promise.all(urls.map(processMetrics));
  await look();
  await load(ground, { kind: 'post', urls, clients: CLIENTS, users: USERS, seconds });
  const delays = (await look()).map(({ loopDelayP99Seconds }) => loopDelayP99Seconds * 1000 - LOOK_MS);
  return Math.max(...delays);
}
