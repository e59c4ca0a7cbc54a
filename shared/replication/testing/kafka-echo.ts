/**
 * What Kafka's client alone takes from sending one record to having it: a producer as ours, and a consumer that does
 * nothing else. The topic is made by the first who opens it.
 */
import { randomUUID } from 'node:crypto';
import { createKafka } from '../src/kafka/kafka.ts';
import { silentLogger } from '../src/surroundings.ts';

/** A producer and a consumer of one topic. */
export interface KafkaEcho {
  /** Sends one record and resolves with the milliseconds from the call until it was consumed. One at a time. */
  roundTripMs(value: Buffer): Promise<number>;
  close(): Promise<void>;
}

const READY_MS = 30_000;
const ECHO_MS = 10_000;

/** Opens it; resolves when the consumer has read a first record. */
export async function openKafkaEcho(bootstrap: string, topic: string): Promise<KafkaEcho> {
  const clientId = `echo-${randomUUID()}`;
  const kafka = createKafka({ brokers: [bootstrap] }, { clientId, logger: silentLogger });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
  // As the publisher's: one send under way, acknowledged by all.
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    idempotent: true,
    maxInFlightRequests: 1,
    retry: { retries: 3 },
  });
  await producer.connect();
  const consumer = kafka.consumer({ groupId: clientId, maxWaitTimeInMs: 500, allowAutoTopicCreation: false });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const waiting = new Map<string, () => void>();
  const trip = (value: Buffer, deadlineMs: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const key = randomUUID();
      const timer = setTimeout(() => reject(new Error(`no record within ${deadlineMs} ms`)), deadlineMs);
      const begunMs = performance.now();
      waiting.set(key, () => {
        clearTimeout(timer);
        waiting.delete(key);
        resolve(performance.now() - begunMs);
      });
      producer.send({ topic, acks: -1, messages: [{ key, value, partition: 0 }] }).catch(reject);
    });
  void consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { key } of batch.messages) waiting.get(String(key))?.();
    },
  });
  await trip(Buffer.from('first'), READY_MS);
  return {
    roundTripMs: (value) => trip(value, ECHO_MS),
    async close() {
      await Promise.all([producer.disconnect(), consumer.disconnect()]);
    },
  };
}
