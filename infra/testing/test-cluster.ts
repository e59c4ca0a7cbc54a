/**
 * Whole clusters for tests: real services as real processes, with data directory, topics and ports of their own.
 *
 * Import it in a test file and every cluster started there is stopped after the file's tests; when a test fails,
 * the last log lines of the clusters alive at that moment are printed.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, inject } from 'vitest';
import { findJava } from '../src/broker/broker-findings.ts';
import {
  Cluster,
  type ClusterOptions,
  chooseFreePortRow,
  describeClusterWith,
  killLivingChildren,
} from '../src/index.ts';

/** Room for replicas that a test adds. */
const portsInARow = 8;
const keptLines = 400;

/** What a test may want different. */
export interface TestClusterOptions {
  /** Default: 2. */
  readonly replicas?: number;
  /** User-service and gateway, too: two processes that a test of replicas need not wait for. Default: false. */
  readonly hasFrontEnd?: boolean;
  /** Default: `kafka`. */
  readonly topology?: ClusterOptions['topology'];
  /**
   * `shared`: the broker of the whole run (default). `own`: one that belongs to this cluster, is kept going by
   * it, and may be killed by way of `cluster.broker`. Or the address of one that the test has started.
   */
  readonly broker?: 'shared' | 'own' | { readonly bootstrap: string };
  /** Environment of the services, on top of everything else. */
  readonly serviceEnvironment?: Readonly<Record<string, string>>;
  /** Start a service again when it is killed. Default: true. */
  readonly isRestarting?: boolean;
  /** Default: `info`. */
  readonly logLevel?: string;
}

/** A cluster that a test owns. */
export interface TestCluster {
  readonly cluster: Cluster;
  /** `http://…` of each replica, `order-1` first. */
  readonly orderUrls: readonly string[];
  /** @throws `not-found` without a front end. */
  readonly userUrl: string;
  /** @throws `not-found` without a front end. */
  readonly gatewayUrl: string;
  readonly dataDir: string;
  /** Topics are `<prefix>orders.changes` and so on; empty with an own broker. */
  readonly topicPrefix: string;
  /** The last lines that services and supervisor have printed. */
  readonly lines: readonly string[];
  /** Stops it and removes its data. Idempotent. */
  stop(): Promise<void>;
}

const living = new Set<TestCluster>();

process.once('exit', killLivingChildren);
afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const { dataDir, lines } of living) {
    console.error(`last lines of the cluster in ${dataDir}:\n${lines.join('\n')}`);
  }
});
afterAll(async () => {
  await Promise.all([...living].map((cluster) => cluster.stop()));
});

/** Starts a cluster and resolves when every part of it is ready. */
export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dbsync-cluster-'));
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(`${new Date().toISOString()} ${line}`);
    if (lines.length > keptLines) lines.shift();
  };
  const broker = options.broker ?? 'shared';
  const topicPrefix = broker === 'own' ? '' : `test-${randomBytes(4).toString('hex')}.`;
  const environment = brokerEnvironment(broker, options.topology);
  try {
    const first = await chooseFreePortRow(portsInARow + 3);
    const cluster = await Cluster.start({
      dataDir,
      topology: options.topology ?? 'kafka',
      broker: broker === 'own' ? await ownKind(environment) : 'external',
      ports: { kafka: first, user: first + 1, gateway: first + 2, order: first + 3 },
      replicas: options.replicas ?? 2,
      hasFrontEnd: options.hasFrontEnd ?? false,
      isFresh: false,
      isRestarting: options.isRestarting ?? true,
      ...(topicPrefix === '' ? {} : { topicPrefix }),
      logLevel: options.logLevel ?? 'info',
      environment,
      serviceEnvironment: options.serviceEnvironment ?? {},
      describeCluster: describeClusterWith(environment),
      onLine: ({ source, text }) => keep(`${source} ${text}`),
      onReport: ({ level, message }) => keep(`supervisor ${level} ${message}`),
    });
    return own({ cluster, dataDir, topicPrefix, lines });
  } catch (error) {
    console.error(`last lines of the cluster in ${dataDir}, which did not start:\n${lines.join('\n')}`);
    rmSync(dataDir, { recursive: true, force: true });
    throw error;
  }
}

/** Java before Docker: it is up in two seconds, and its process can be killed by pid. */
async function ownKind(environment: NodeJS.ProcessEnv): Promise<'java' | 'docker'> {
  const java = await findJava({ environment, onProgress: () => undefined });
  return 'absent' in java ? 'docker' : 'java';
}

function brokerEnvironment(
  broker: NonNullable<TestClusterOptions['broker']>,
  topology: TestClusterOptions['topology'],
): NodeJS.ProcessEnv {
  const { KAFKA_BROKERS: _, ...rest } = process.env;
  if (broker === 'own' || topology === 'isolated') return rest;
  const { bootstrap } = broker === 'shared' ? inject('sharedBroker') : broker;
  return { ...process.env, KAFKA_BROKERS: bootstrap };
}

function own(made: Pick<TestCluster, 'cluster' | 'dataDir' | 'topicPrefix' | 'lines'>): TestCluster {
  const owned: TestCluster = {
    ...made,
    // Replicas that are added later count too.
    get orderUrls() {
      return made.cluster.replicas.map((replica) => replica.url);
    },
    get userUrl() {
      return made.cluster.userService.url;
    },
    get gatewayUrl() {
      return made.cluster.gateway.url;
    },
    stop: async () => {
      await made.cluster.stop();
      living.delete(owned);
      rmSync(made.dataDir, { recursive: true, force: true });
    },
  };
  living.add(owned);
  return owned;
}
