/**
 * The conformance suites on Apache Kafka, and what only a real broker can show.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createKafka } from '../../src/kafka/kafka.ts';
import { createKafkaReplication } from '../../src/kafka/kafka-replication.ts';
import { silentLogger } from '../../src/surroundings.ts';
import { waitUntil } from '../../testing/index.ts';
import { announcementsConformance } from './announcements-conformance.ts';
import { BrokerWay } from './broker-way.ts';
import { changeLogConformance } from './change-log-conformance.ts';
import { Collector, type LogGround, outgoing, PARTITIONS, PIECE } from './log-ground.ts';

const logger = silentLogger;
const database = 'notes';

function replicationAt(bootstrap: string, topicPrefix: string) {
  return createKafkaReplication({
    kafka: { brokers: [bootstrap] },
    database,
    topicPrefix,
    clientId: randomUUID(),
    partitions: PARTITIONS,
    applyRows: PIECE,
    logger,
  });
}

async function makeGround(): Promise<LogGround> {
  const { bootstrap } = inject('sharedBroker');
  const way = new BrokerWay();
  const topicPrefix = `conformance-${randomUUID()}.`;
  const topic = `${topicPrefix}${database}.changes`;
  const kafka = createKafka({ brokers: [bootstrap] }, { clientId: 'stranger', logger });
  const clients: ReturnType<typeof replicationAt>[] = [];
  const admin = kafka.admin();
  await admin.connect();
  const endOf = async (partition: number): Promise<number> => {
    const offsets = await admin.fetchTopicOffsets(topic);
    return Number(offsets.find((one) => one.partition === partition)?.high ?? 0);
  };
  return {
    connect: () => {
      const client = replicationAt(bootstrap, topicPrefix);
      clients.push(client);
      return client;
    },
    connectToNobody: () => replicationAt('127.0.0.1:1', topicPrefix),
    transact: async (partition, values, end) => {
      const producer = kafka.producer({
        transactionalId: randomUUID(),
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await producer.connect();
      const wholeEnd = (await endOf(partition)) + values.length + 1;
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: values.map((value) => ({ partition, value })) });
      await (end === 'commit' ? transaction.commit() : transaction.abort());
      await producer.disconnect();
      // The broker writes the marker a little after it has answered.
      await waitUntil('the marker is there', async () => (await endOf(partition)) === wholeEnd);
    },
    retain: async (partition, offset) => {
      await endOf(partition);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    },
    grow: async (count) => {
      await admin.createPartitions({ topicPartitions: [{ topic, count }] });
    },
    recreate: async () => {
      await admin.deleteTopics({ topics: [topic] });
      await waitUntil('the topic is gone', async () => !(await admin.listTopics()).includes(topic), 30_000);
    },
    loseAcknowledgements: (isLosing) => way.loseAcknowledgements(isLosing),
    change: (_partition, value) => way.change(value),
    announced: async ({ key, value, signature }, agoMs) => {
      const producer = kafka.producer();
      await producer.connect();
      const timestamp = String(Date.now() - agoMs);
      const messages = [{ key, value, headers: { signature }, timestamp }];
      await producer.send({ topic: `${topicPrefix}${database}.replicas`, messages });
      await producer.disconnect();
    },
    close: async () => {
      for (const { log, channel } of clients) {
        await log.close();
        await channel.close();
      }
      const topics = (await admin.listTopics()).filter((name) => name.startsWith(topicPrefix));
      if (topics.length > 0) await admin.deleteTopics({ topics });
      await admin.disconnect();
      way.close();
    },
  };
}

changeLogConformance('on Apache Kafka', makeGround);
announcementsConformance('on Apache Kafka', makeGround);

describe('on a real broker', () => {
  let server: Server | undefined;
  afterEach(async () => {
    const closing = server;
    server = undefined;
    if (closing) await new Promise<void>((resolve) => closing.close(() => resolve()));
  });

  it('a port that accepts and never answers does not hold up a call for longer than its deadline', async () => {
    const sockets = new Set<{ destroy(): void }>();
    server = createServer((socket) => void sockets.add(socket.on('error', () => undefined)));
    const port = await new Promise<number>((resolve) =>
      server?.listen(0, '127.0.0.1', () => {
        const address = server?.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      }),
    );
    const { log } = replicationAt(`127.0.0.1:${port}`, 'nobody.');
    const startedMs = performance.now();
    await expect(log.offsets()).rejects.toMatchObject({ code: 'log-unreachable' });
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    await log.close();
    for (const socket of sockets) socket.destroy();
  });

  it('batches of a codec that is not built in are named and passed, and what comes behind them is read', async () => {
    const topicPrefix = `unreadable-${randomUUID()}.`;
    const topic = `${topicPrefix}${database}.changes`;
    const kafka = createKafka(
      { brokers: [inject('sharedBroker').bootstrap] },
      { clientId: 'operator', logger },
    );
    const admin = kafka.admin();
    await admin.connect();
    const lz4 = [{ name: 'compression.type', value: 'lz4' }];
    await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS, configEntries: lz4 }] });
    const { log } = replicationAt(inject('sharedBroker').bootstrap, topicPrefix);
    const reader = new Collector();
    try {
      await log.open();
      await log.append(0, outgoing('a', 'b', 'c'));
      await log.append(0, outgoing('d'));
      const following = await log.follow(reader);
      await reader.hasRead(0, 4);
      const none = [{ name: 'compression.type', value: 'uncompressed' }];
      // ConfigResourceTypes.TOPIC of Kafka's protocol.
      await admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name: topic, configEntries: none }],
      });
      // The broker takes a setting a little after it has answered.
      await waitUntil('a row that can be decoded is read', async () => {
        const { lastOffset } = await log.append(0, outgoing('later'));
        await reader.hasRead(0, lastOffset + 1);
        return reader.values(0).at(-1) === 'later' || `the last one is ${reader.values(0).at(-1)}`;
      });
      await following.stop();
    } finally {
      await log.close();
      await admin.deleteTopics({ topics: [topic] });
      await admin.disconnect();
    }
    const [first, second] = reader.records(0);
    expect([first, second]).toMatchObject([
      { offset: 0, value: null, unreadable: { next: 3, why: expect.stringContaining('LZ4') } },
      { offset: 3, value: null, unreadable: { next: 4 } },
    ]);
    expect(reader.errors).toEqual([]);
  });

  it('what is for a partition that the client has not heard of is not called sent', async () => {
    const ground = await makeGround();
    try {
      const { log } = ground.connect();
      await log.open();
      await log.append(0, outgoing('before'));
      await ground.grow(PARTITIONS + 1);
      // Not opened again: somebody has told us of the partition before the client knows.
      const append = () => log.append(PARTITIONS, outgoing('a'));
      await expect(append()).rejects.toMatchObject({ code: 'log-unreachable', isRetryable: true });
      expect(await append()).toEqual({ lastOffset: 0 });
      expect((await log.offsets()).find(({ partition }) => partition === PARTITIONS)).toMatchObject({
        end: 1,
      });
    } finally {
      await ground.close();
    }
  });

  it('groups of readers are gone after a clean leave', async () => {
    const ground = await makeGround();
    const { log } = ground.connect();
    await log.open();
    await log.append(0, outgoing('a'));
    for (let i = 0; i < 2; i += 1) {
      const reader = new Collector();
      const following = await log.follow(reader);
      await reader.hasRead(0, 1);
      await following.stop();
    }
    await log.close();
    const kafka = createKafka({ brokers: [inject('sharedBroker').bootstrap] }, { clientId: 'look', logger });
    const admin = kafka.admin();
    await admin.connect();
    const { groups } = await admin.listGroups();
    await admin.disconnect();
    await ground.close();
    expect(groups.filter(({ groupId }) => groupId.startsWith('conformance-'))).toEqual([]);
  });
});
