/**
 * kafkajs: the only file that imports it. Makes clients, maps its logger and its errors onto ours, and puts a
 * deadline on every call, because some of its calls never end by themselves.
 */
import { createRequire } from 'node:module';
import type { Admin, Consumer, EachBatchPayload, Kafka, KafkaMessage, Producer } from 'kafkajs';
import { errorText, isReplicationError, ReplicationError } from '../errors.ts';
import { type Logger, silentLogger } from '../surroundings.ts';
import { decodeEveryBatch } from './batch-decoder.ts';
import { decodeRecordsCheaply } from './record-decoder.ts';

export type { Admin, Consumer, EachBatchPayload, Kafka, KafkaMessage, Producer };

const require = createRequire(import.meta.url);

/** Parts of kafkajs that something else takes the place of. */
const ownParts = new Map<string, unknown>();

const { Kafka: KafkaClient, logLevel } = loadKafkajs();

/** How to reach the brokers. */
export interface KafkaConnection {
  /** `host:port` each. */
  readonly brokers: readonly string[];
  /** Present: TLS. PEM texts; without `ca` the system's authorities count. */
  readonly ssl?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
}

/** Longest wait for one call to the broker, in milliseconds. */
const CALL_MS = 10_000;

/** A client. Nothing is connected yet. */
export function createKafka(
  connection: KafkaConnection,
  options: { clientId: string; logger: Logger },
): Kafka {
  silenceNegativeTimeouts();
  const { brokers, ssl, sasl } = connection;
  return new KafkaClient({
    clientId: options.clientId,
    brokers: [...brokers],
    connectionTimeout: 3000,
    requestTimeout: CALL_MS,
    // Retries are ours: each loop has its own policy and says what it waits for.
    retry: { retries: 2, initialRetryTime: 50, maxRetryTime: 500, restartOnFailure: async () => false },
    ...(ssl ? { ssl: { ...ssl, ...(ssl.ca ? { ca: [ssl.ca] } : {}) } } : {}),
    ...(sasl ? { sasl: saslOptions(sasl) } : {}),
    logLevel: logLevel.INFO,
    // kafkajs uses its level ERROR for ordinary states, such as a coordinator that is loading. What matters
    // reaches us as an error of the call; the rest is for those who look for it.
    logCreator:
      () =>
      ({ namespace, label, log }) => {
        const { message, timestamp: _, logger: __, stack: ___, ...fields } = log;
        options.logger.debug({ ...fields, kafkajs: namespace, level: label }, message);
      },
  });
}

/**
 * Reads the id of the cluster behind `brokers`.
 * @throws `log-unreachable` within `timeoutMs`.
 */
export async function describeKafkaCluster(options: {
  kafka: KafkaConnection;
  timeoutMs: number;
}): Promise<{ clusterId: string; brokers: number }> {
  const admin = createKafka(options.kafka, { clientId: 'dbsync-look', logger: silentLogger }).admin();
  try {
    return await withDeadline(
      'asking for the cluster id',
      async () => {
        await admin.connect();
        const { clusterId, brokers } = await admin.describeCluster();
        return { clusterId, brokers: brokers.length };
      },
      options.timeoutMs,
    );
  } finally {
    await leave('admin', admin);
  }
}

/**
 * Loads kafkajs with a decoder that does not end at a batch that it cannot decode, and one of records that costs less.
 * Its parts take them from the cache, so the inner one is put there first.
 */
function loadKafkajs(): typeof import('kafkajs') {
  wrapPart('recordBatch/record/v0/decoder.js', decodeRecordsCheaply);
  wrapPart('recordBatch/v0/decoder.js', decodeEveryBatch);
  return require('kafkajs');
}

function wrapPart<T>(path: string, wrap: (part: T) => T): void {
  const part = protocolPart<T>(path);
  ownParts.set(path, part);
  const cached = require.cache[require.resolve(`kafkajs/src/protocol/${path}`)];
  if (cached) cached.exports = wrap(part);
}

/** A part of the protocol as kafkajs itself has it: what takes its place is held against it. */
export function protocolPart<T>(path: string): T {
  return (ownParts.get(path) as T | undefined) ?? require(`kafkajs/src/protocol/${path}`);
}

/** Runs a call with a deadline; every failure becomes one of our errors. */
export async function withDeadline<T>(
  what: string,
  call: () => Promise<T>,
  deadlineMs: number = CALL_MS,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([call(), deadline]);
  } catch (error) {
    throw translate(what, error);
  } finally {
    clearTimeout(timer);
  }
}

/** Disconnects without ever failing and without waiting for long: kafkajs may take seconds or hang. */
export async function leave(
  what: string,
  client: { disconnect(): Promise<void> },
  deadlineMs = 2000,
): Promise<void> {
  await withDeadline(`leaving (${what})`, () => client.disconnect(), deadlineMs).catch(() => undefined);
}

/** True where Kafka knows the user and does not let it do this. */
export function isRefusal(error: unknown): boolean {
  return typeOf(error).endsWith('_AUTHORIZATION_FAILED');
}

/** Kafka's own name of an error, or of the one that kafkajs has wrapped; empty for anything else. */
export function typeOf(error: unknown): string {
  const { type, cause } = (error ?? {}) as { type?: unknown; cause?: { type?: unknown } };
  return String(type ?? cause?.type ?? '');
}

/** One of our errors for whatever a call to Kafka has thrown. */
export function translate(what: string, error: unknown): ReplicationError {
  if (isReplicationError(error)) return error;
  if (isRefusal(error)) {
    return new ReplicationError({
      code: 'log-unreachable',
      message: `Kafka does not let this user do it while ${what}: ${errorText(error)}`,
      hint: 'Grant KAFKA_SASL_USERNAME the access rights that docs/deploy.md lists. It is tried again.',
      isRetryable: true,
      cause: error,
    });
  }
  const type = typeOf(error);
  if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') {
    return new ReplicationError({
      code: 'event-too-large',
      message: `Kafka finds the batch too large while ${what}.`,
      hint: 'Smaller batches are tried; a single row that is too large needs a larger max.message.bytes of the topic.',
      isRetryable: true,
      cause: error,
    });
  }
  return new ReplicationError({
    code: 'log-unreachable',
    message: `Kafka did not do its part while ${what}: ${errorText(error)}`,
    hint: 'Check that the broker runs and that KAFKA_BROKERS and its credentials are right. It is tried again.',
    isRetryable: true,
    cause: error,
  });
}

function saslOptions(sasl: NonNullable<KafkaConnection['sasl']>): {
  mechanism: 'plain';
  username: string;
  password: string;
} {
  // The three mechanisms share one shape; kafkajs's types want the literal of one of them.
  return { ...sasl, mechanism: sasl.mechanism as 'plain' };
}

let isSilenced = false;

/** kafkajs 2.2.4 sets a timer with a negative delay at each connect, and Node warns every time. Only that is muted. */
function silenceNegativeTimeouts(): void {
  if (isSilenced) return;
  isSilenced = true;
  const emitWarning = process.emitWarning.bind(process) as (...values: unknown[]) => void;
  process.emitWarning = ((...values: unknown[]) => {
    if (values[1] !== 'TimeoutNegativeWarning') emitWarning(...values);
  }) as typeof process.emitWarning;
}
