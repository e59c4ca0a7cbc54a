/**
 * Whole order replicas on free ports over a broker in memory, for tests that talk to them over HTTP.
 *
 * Each one has a directory of its own. Everything started here is stopped and removed by `stopEverything`, which
 * test files call after each test.
 */
import path from 'node:path';
import { openReplica, type Replica, realSurroundings } from '@dbsync/replication';
import { MemoryBroker, temporaryDirectory, waitUntil } from '@dbsync/replication/testing';
import { createLogger, type Logger } from '@dbsync/service-kit';
import { type OrderServiceParts, startOrderService } from '../src/app.ts';
import type { ReplicaConfig } from '../src/config.ts';
import { ordersDatabase } from '../src/schema/orders-table.ts';

type Client = ReturnType<MemoryBroker['connect']>['client'];

/** What a test may choose. */
export interface ServiceOptions {
  /** Default: one of its own. */
  readonly broker?: MemoryBroker;
  /** Default `order-1`. */
  readonly replicaId?: string;
  /** An existing directory to start on again; default: a new one. */
  readonly directory?: string;
  readonly limits?: ReplicaConfig['limits'];
  readonly isIsolated?: boolean;
  readonly cluster?: string;
  /** The tables of another build. */
  readonly describe?: OrderServiceParts['describe'];
  /** Wait until `/readyz` says yes. Default true. */
  readonly isReadyAwaited?: boolean;
}

/** A running replica and what stands behind it. */
export interface RunningReplica {
  readonly url: string;
  readonly port: number;
  readonly broker: MemoryBroker;
  /** This replica's own connection to the broker: can be cut. */
  readonly client: Client;
  readonly directory: string;
  readonly databaseFile: string;
  /** What would have ended the process. */
  readonly failures: unknown[];
  readonly logLines: string[];
  stop(): Promise<void>;
}

const ends: (() => Promise<void> | void)[] = [];

/** Starts an order replica. */
export async function startReplica(options: ServiceOptions = {}): Promise<RunningReplica> {
  const broker = options.broker ?? new MemoryBroker();
  const directory = options.directory ?? newDirectory();
  const { log, channel, client } = broker.connect();
  const config = testConfig({ ...options, directory });
  const failures: unknown[] = [];
  const { logger, logLines } = recordingLogger(config.replicaId);
  const service = await startOrderService(config, {
    logger,
    ...(options.isIsolated ? {} : { replication: { topic: 'orders.changes', log, channel } }),
    failed: (error) => failures.push(error),
    bindRetryMs: 0,
    ...(options.describe ? { describe: options.describe } : {}),
  });
  ends.push(() => service.stop());
  const { url, port } = service;
  if (options.isReadyAwaited !== false) await untilReady(url);
  const { databaseFile } = config;
  const stop = (): Promise<void> => service.stop();
  return { url, port, broker, client, directory, databaseFile, failures, logLines, stop };
}

/** A replica of the same database without a service: what a test inserts through it is checked by nobody else. */
export async function openPeer(
  broker: MemoryBroker,
  replicaId = 'peer',
  describeTables = ordersDatabase,
): Promise<Replica> {
  const { log, channel } = broker.connect();
  const replica = await openReplica({
    replicaId,
    cluster: testIdentity.cluster,
    secret: testIdentity.secret,
    file: path.join(newDirectory(), 'orders.db'),
    description: describeTables('orders'),
    url: () => 'http://127.0.0.1:1',
    replication: { topic: 'orders.changes', log, channel },
    world: realSurroundings(recordingLogger(replicaId).logger),
    failed: (error) => {
      throw error;
    },
  });
  ends.push(() => replica.stop());
  replica.start();
  await waitUntil(`${replicaId} is live`, () => replica.readiness().ready);
  return replica;
}

/** Stops and removes everything, the last one first. */
export async function stopEverything(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}

/** A directory that `stopEverything` removes. */
export function newDirectory(): string {
  const directory = temporaryDirectory();
  ends.push(() => directory.remove());
  return directory.path;
}

/** Something to undo after the test. */
export function afterwards(end: () => Promise<void> | void): void {
  ends.push(end);
}

/** Name and secret of the tests' cluster. */
export const testIdentity = { cluster: 'test', secret: 'a secret of sixteen and more' };

/** A configuration on a free port. */
export function testConfig(options: ServiceOptions & { directory: string }): ReplicaConfig {
  return {
    storage: 'replica',
    host: '127.0.0.1',
    port: 0,
    logLevel: 'silent',
    stopGraceMs: 200,
    replicaId: options.replicaId ?? 'order-1',
    databaseFile: path.join(options.directory, 'orders.db'),
    advertisedUrl: undefined,
    cluster: options.cluster ?? testIdentity.cluster,
    secret: testIdentity.secret,
    database: 'orders',
    sqliteClient: undefined,
    replication: options.isIsolated
      ? { kind: 'isolated' }
      : {
          kind: 'kafka',
          kafka: { brokers: ['127.0.0.1:1'] },
          topicPrefix: '',
          partitions: undefined,
          replicationFactor: undefined,
          minInsyncReplicas: undefined,
          applyRows: undefined,
        },
    limits: { tokenWaitMs: 300, acknowledgeMs: 300, drainMs: 200, ...options.limits },
  };
}

/** Waits until a replica may take traffic. */
async function untilReady(url: string): Promise<void> {
  await waitUntil('the replica is ready', async () => {
    const answer = await fetch(`${url}/readyz?verbose`);
    return answer.status === 200 || `${answer.status} ${await answer.text()}`;
  });
}

function recordingLogger(name: string): { logger: Logger; logLines: string[] } {
  const logLines: string[] = [];
  const destination = { write: (line: string) => void logLines.push(line) };
  return { logger: createLogger({ name, level: 'debug', destination }), logLines };
}
