/**
 * One order-service for `pnpm bench`: told by its only argument, a JSON object, what stands behind the routes.
 *
 * Prints one line of JSON when it is ready. Everything in front of the store is the service as it ships.
 */
import { createLogger, runService } from '@dbsync/service-kit';
import { type OrderServiceParts, startOrderService } from '../src/app.ts';
import type { OrderServiceConfig, ReplicaConfig } from '../src/config.ts';
import { identity } from './bench-identity.ts';
import { benchReplication } from './bench-log.ts';
import { idleBackend, obviousBackend } from './limit-backends.ts';

/**
 * `replica`: with a log in memory; `kafka`: with Kafka; `isolated`: without a log; `shared-db`: on a PostgreSQL that
 * others use, too. The others: limit-backends.ts.
 */
interface Task {
  readonly kind: 'replica' | 'kafka' | 'isolated' | 'shared-db' | 'idle' | 'obvious';
  readonly file: string;
  /** Default `order-1`. */
  readonly replicaId?: string;
  /** Of Kafka. */
  readonly bootstrap?: string;
  /** Tells clusters on one Kafka apart. */
  readonly topicPrefix?: string;
  /** Of PostgreSQL. */
  readonly databaseUrl?: string;
  readonly client?: ReplicaConfig['sqliteClient'];
  /** What an idle one answers to every list. */
  readonly listJson?: string;
}

const task = JSON.parse(process.argv[2] ?? '') as Task;

runService({
  name: 'bench-service',
  start: async () => {
    const service = await startOrderService(config(), await parts());
    process.stdout.write(`${JSON.stringify({ url: service.url })}\n`);
    return service;
  },
});

async function parts(): Promise<OrderServiceParts> {
  const logger = createLogger({ name: 'bench', level: 'silent' });
  switch (task.kind) {
    case 'replica':
      return { logger, replication: benchReplication() };
    case 'kafka':
    case 'isolated':
    case 'shared-db':
      return { logger };
    case 'idle':
      return { logger, backend: idleBackend({ listJson: task.listJson ?? '[]' }) };
    case 'obvious':
      return { logger, backend: await obviousBackend(task) };
  }
}

function config(): OrderServiceConfig {
  const { replicaId = 'order-1', databaseUrl } = task;
  const service = { host: '127.0.0.1', port: 0, logLevel: 'silent', replicaId };
  if (databaseUrl !== undefined) {
    return { ...service, storage: 'shared-db', databaseUrl, readers: undefined, maxQueuedWrites: undefined };
  }
  return {
    ...service,
    storage: 'replica',
    databaseFile: task.file,
    advertisedUrl: undefined,
    ...identity,
    database: 'orders',
    sqliteClient: task.client,
    replication: replication(),
    limits: {},
  };
}

function replication(): ReplicaConfig['replication'] {
  if (task.bootstrap === undefined) return { kind: 'isolated' };
  return {
    kind: 'kafka',
    kafka: { brokers: [task.bootstrap] },
    topicPrefix: task.topicPrefix ?? '',
    partitions: undefined,
    replicationFactor: undefined,
    minInsyncReplicas: undefined,
    applyRows: undefined,
  };
}
