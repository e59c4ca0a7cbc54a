/**
 * Gateway: the time of a request through it against the same request straight to a replica, in a cluster as
 * `pnpm dev` starts it.
 */
import { Cluster } from '../../cluster/cluster.ts';
import { describeClusterWith } from '../../describe-cluster.ts';
import { chooseFreePortRow, chooseFreePorts } from '../../process/ports.ts';
import type { BenchGround } from '../bench-ground.ts';
import type { Measured } from '../bench-row.ts';
import { measureGatewayOverhead } from '../gateway-overhead.ts';
import { OrderClient } from '../order-client.ts';

const REPLICAS = 2;
const ORDERS = 50;

/** Measures one row. */
export async function measureGateway(ground: BenchGround): Promise<Measured[]> {
  const cluster = ground.keep(await startCluster(ground));
  const url = cluster.replicas[0]?.url ?? '';
  const client = ground.keep(new OrderClient());
  for (let order = 1; order < ORDERS; order += 1) await client.place(url, 'ada');
  const last = await client.place(url, 'ada');
  for (const replica of cluster.replicas) await client.find(replica.url, last);
  const requests = ground.isQuick ? 1000 : 10_000;
  ground.progress(`${requests} requests each way`);
  const { gatewayMs, directMs } = await measureGatewayOverhead({
    replicaUrls: cluster.replicas.map((replica) => replica.url),
    gatewayUrl: cluster.gateway.url,
    path: '/order-service/ada/orders',
    requests,
  });
  return [
    {
      measure: 'gateway: GET of 50 orders p50, against straight to a replica',
      unit: 'ms',
      ours: gatewayMs,
      limit: directMs,
      goal: { kind: 'at most', value: 1.5 },
    },
  ];
}

async function startCluster(ground: BenchGround): Promise<Cluster> {
  const { KAFKA_BROKERS: _, ...environment } = ground.environment;
  const [kafka = 0, user = 0, gateway = 0] = await chooseFreePorts(3);
  return Cluster.start({
    dataDir: ground.folder('gateway'),
    topology: 'kafka',
    broker: 'auto',
    ports: { kafka, user, gateway, order: await chooseFreePortRow(REPLICAS) },
    replicas: REPLICAS,
    isFresh: true,
    isRestarting: false,
    logLevel: 'warn',
    environment,
    describeCluster: describeClusterWith(environment),
    onLine: () => undefined,
    onReport: ({ message }) => ground.progress(message),
    signal: ground.signal,
  });
}
