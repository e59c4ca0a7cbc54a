import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { afterAll, describe, expect, it } from 'vitest';
import { dockerImage, findDocker } from '../src/broker/docker-cli.ts';
import { chooseFreePorts } from '../src/index.ts';
import { assertConverged, assertNothingLostOrMade, placeOrders, startTestCluster } from '../testing/index.ts';

// Where no registry can be reached there is no image of the helper that cleans up after a killed run; the
// containers of this file are stopped by the file itself.
process.env.TESTCONTAINERS_RYUK_DISABLED ??= 'true';

let kafka: StartedTestContainer | undefined;

afterAll(async () => {
  await kafka?.stop();
});

/** Kafka's official image, listening where clients of this machine find it. */
async function startKafka(image: string): Promise<string> {
  const [port = 0] = await chooseFreePorts(1);
  kafka = await new GenericContainer(image)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093',
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .withStartupTimeout(120_000)
    .start();
  return `127.0.0.1:${port}`;
}

describe('three replicas on Kafka from testcontainers', () => {
  it('converge, down to the bytes of their rows', async ({ skip }) => {
    const docker = await findDocker({ environment: process.env, onProgress: console.log });
    if ('absent' in docker) return skip(docker.absent);
    const bootstrap = await startKafka(dockerImage(process.env));
    const { cluster, orderUrls, stop } = await startTestCluster({ replicas: 3, broker: { bootstrap } });
    const load = await placeOrders({ urls: () => orderUrls, count: 1500, clients: 32, name: 'container' });
    expect([...load.failures]).toEqual([]);
    await assertConverged(orderUrls);
    assertNothingLostOrMade(
      cluster.replicas.map(({ database }) => database),
      [load],
    );
    await stop();
  });
});
