/**
 * A broker of the bench's own: never somebody else's, data in a folder that is removed.
 */
import type { Broker } from '../broker/broker.ts';
import { startBroker } from '../broker/start-broker.ts';
import { describeClusterWith } from '../describe-cluster.ts';
import { chooseFreePorts } from '../process/ports.ts';
import type { BenchGround } from './bench-ground.ts';

/** Starts one; it ends with the ground. @throws `no-broker` where there is neither Docker nor Java. */
export async function startBenchBroker(ground: BenchGround): Promise<Broker> {
  const { KAFKA_BROKERS: _, ...environment } = ground.environment;
  const [port = 0] = await chooseFreePorts(1);
  const broker = await startBroker({
    requested: 'auto',
    dataDir: ground.folder('broker'),
    port,
    environment,
    describeCluster: describeClusterWith(environment),
    onProgress: (sentence) => ground.progress(sentence),
    signal: ground.signal,
  });
  return ground.keep(broker);
}
