import { readFileSync } from 'node:fs';
import { createKafkaReplication, createReplicaRegistry, type Logger } from '@dbsync/replication';
import { grantKafkaRights, type KafkaRight, listKafkaGroups } from '@dbsync/replication/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { chooseFreePorts, waitFor } from '../../src/index.ts';
import { startTestBroker, type TestBroker } from '../../testing/test-broker.ts';
import { startTestCluster } from '../../testing/test-cluster.ts';

const silence = (): void => undefined;
const silentLogger: Logger = { debug: silence, info: silence, warn: silence, error: silence };
const document = readFileSync(new URL('../../../docs/deploy.md', import.meta.url), 'utf8');
/** What the two commands of docs/deploy.md grant. */
const granted = document
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line.startsWith('kafka-acls.sh'))
  .flatMap((command): KafkaRight[] => {
    const [, kind, prefix = ''] = /--(topic|group) (\S+)/.exec(command) ?? [];
    return [...command.matchAll(/--operation (\w+)/g)].map(([, operation = '']) => ({
      ...{ operation, kind: kind as KafkaRight['kind'], prefix },
    }));
  });
const nameOf = ({ operation, kind }: KafkaRight): string => `${operation} on the ${kind}s`;
const without = (right: KafkaRight): string => `without-${right.operation}-${right.kind}`.toLowerCase();
const users = ['dbsync', 'listener', 'nobody', ...granted.map(without)];

let test: TestBroker;
let bootstrap: string;

beforeAll(async () => {
  const [port = 0] = await chooseFreePorts(1);
  bootstrap = `127.0.0.1:${port}`;
  const passwords = users.map((user) => `user_${user}="secret"`).join(' ');
  test = await startTestBroker({
    own: {
      links: [{ port, advertisedPort: port }],
      settings: new Map([
        ['listener.security.protocol.map', 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LINK1:SASL_PLAINTEXT'],
        ['listener.name.link1.sasl.enabled.mechanisms', 'PLAIN'],
        [
          'listener.name.link1.plain.sasl.jaas.config',
          `org.apache.kafka.common.security.plain.PlainLoginModule required ${passwords};`,
        ],
        ['authorizer.class.name', 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'],
        ['super.users', 'User:ANONYMOUS'],
      ]),
    },
  });
  const isListeners = ({ operation, kind }: KafkaRight): boolean =>
    kind === 'group' || ['Read', 'DescribeConfigs'].includes(operation);
  const isFor = (missing: KafkaRight) => (right: KafkaRight) => right !== missing;
  await grantKafkaRights(test.bootstrap, [
    ...granted.map((right) => ({ user: 'dbsync', right })),
    ...granted.filter(isListeners).map((right) => ({ user: 'listener', right })),
    ...granted.flatMap((missing) =>
      granted.filter(isFor(missing)).flatMap((right) => [
        { user: without(missing), right },
        // Topics that are not there yet.
        { user: without(missing), right: { ...right, prefix: `fresh.${right.prefix}` } },
      ]),
    ),
  ]);
});
afterAll(() => test.stop());

const connection = (username: string) => ({
  ...{ brokers: [bootstrap], sasl: { mechanism: 'plain' as const, username, password: 'secret' } },
});

/** Opens, writes, reads and closes both topics of a database; gives everything that a user would be told. */
async function use(user: string, database: string, topicPrefix = ''): Promise<string[]> {
  const told: string[] = [];
  const tell = (fields: object, text: string): void => void told.push(`${text} ${JSON.stringify(fields)}`);
  const logger: Logger = { ...silentLogger, warn: tell, error: tell };
  const { log, channel } = createKafkaReplication({
    ...{ kafka: connection(user), database, topicPrefix, clientId: user, logger },
  });
  const note = (error: unknown): void => {
    const { message, hint } = error as { message: string; hint?: string };
    told.push(`${message} ${hint}`);
  };
  const attempt = async (step: () => Promise<unknown>): Promise<void> => void (await step().catch(note));
  await attempt(async () => {
    await log.open();
    await attempt(() => log.append(0, [{ key: 'k', value: Buffer.from('v'), headers: {} }]));
    await new Promise<void>((resolve, reject) => {
      const take = async () => {
        resolve();
        return 'go on' as const;
      };
      log.follow({ startOf: () => 0, take, broke: reject }).catch(reject);
      const late = new Error('nothing was read within 5 s');
      setTimeout(reject, 5000, late).unref();
    });
  });
  await attempt(async () => {
    await channel.open();
    await attempt(() => channel.send({ key: 'k', value: Buffer.from('v'), signature: 's' }));
    const following = await channel.follow({ hear: () => undefined, broke: note });
    await following.stop();
  });
  await channel.close();
  await log.close();
  return told;
}

describe('the rights that docs/deploy.md lists', () => {
  it('are enough for order replicas, user-service and gateway', { timeout: 60_000 }, async () => {
    vi.stubEnv('KAFKA_SASL_MECHANISM', 'plain');
    vi.stubEnv('KAFKA_SASL_USERNAME', 'dbsync');
    vi.stubEnv('KAFKA_SASL_PASSWORD', 'secret');
    try {
      const cluster = await startTestCluster({
        broker: { bootstrap },
        hasFrontEnd: true,
        serviceEnvironment: { DBSYNC_TOPIC_PREFIX: '' },
      });
      const order = await fetch(`${cluster.gatewayUrl}/order-service/ada/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'Write-Concern': 'log' },
        body: JSON.stringify({ productId: 'tea', quantity: 1, unitPrice: 350 }),
        signal: AbortSignal.timeout(10_000),
      });
      expect(order.status).toBe(201);
      await cluster.stop();
    } finally {
      vi.unstubAllEnvs();
    }
    // The topics are there now.
    expect(await use('dbsync', 'orders')).toEqual([]);
  });

  it('are enough without Write for those who only listen', async () => {
    const told: string[] = [];
    const registry = createReplicaRegistry({
      ...{
        kafka: connection('listener'),
        cluster: 'c',
        secret: 'secret',
        database: 'orders',
        topicPrefix: '',
      },
      logger: {
        ...silentLogger,
        warn: (fields, text) => void told.push(`${text} ${JSON.stringify(fields)}`),
      },
    });
    const groups = async (): Promise<string[]> =>
      (await listKafkaGroups(test.bootstrap)).filter((id) => id.startsWith('dbsync.listener'));
    await registry.start();
    await waitFor({
      what: 'the group of the listener',
      timeoutMs: 20_000,
      look: async () => ((await groups()).length > 0 ? { found: true } : { missing: told.join() || 'none' }),
    });
    await registry.stop();
    expect([told, await groups()]).toEqual([[], []]);
  });

  const says: Readonly<Record<string, string>> = {
    'Read on the topics': 'Kafka does not let this user do it while reading orders.changes: Not authorized',
    'Write on the topics': 'Kafka does not let this user do it while connecting the producer: Cluster auth',
    'DescribeConfigs on the topics': 'the settings of the topic could not be read: nobody looks whether they',
    'Create on the topics':
      'Topic fresh.orders.changes is missing and could not be created. Allow this client',
    'Read on the groups': 'Kafka does not let this user do it while joining the group of orders.changes: Not',
    'Delete on the groups': 'consumer groups stay behind: Kafka does not let this user delete them',
  };
  it.each(granted.map((right) => [nameOf(right), right] as const))(
    'are all needed, and words say what is missing: %s',
    async (name, right) => {
      const told = await use(without(right), 'orders', right.operation === 'Create' ? 'fresh.' : '');
      expect(told.map((line) => line.slice(0, says[name]?.length))).toContain(says[name]);
    },
  );

  it('are named to a user who has none', async () => {
    const hint = 'Grant KAFKA_SASL_USERNAME the access rights that docs/deploy.md lists. It is tried again.';
    expect(await use('nobody', 'orders')).toContainEqual(expect.stringContaining(hint));
  });
});
