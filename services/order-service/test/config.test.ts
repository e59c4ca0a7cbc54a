import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { ConfigurationError } from '@dbsync/service-kit';
import { afterEach, describe, expect, it } from 'vitest';
import { type ReplicaConfig, readConfig } from '../src/config.ts';
import { newDirectory, stopEverything } from './running-service.ts';

afterEach(stopEverything);

const isolated = {
  REPLICA_ID: 'order-1',
  DATABASE_FILE: 'orders.db',
  DBSYNC_CLUSTER: 'test',
  DBSYNC_SECRET: '0123456789abcdef',
  DBSYNC_TOPOLOGY: 'isolated',
};
const kafka = { ...isolated, DBSYNC_TOPOLOGY: '', KAFKA_BROKERS: '127.0.0.1:9092' };

/** The configuration of a replica with a database of its own. */
function replicaConfig(env: Record<string, string | undefined>): ReplicaConfig {
  const config = readConfig(env);
  if (config.storage !== 'replica') throw new Error('it is no replica');
  return config;
}

/** What is wrong with an environment, line by line. */
function problemsOf(env: Record<string, string | undefined>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe('readConfig', () => {
  it('has defaults for everything but who it is, where its file is, and the cluster', () => {
    const config = replicaConfig(kafka);
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 60_001,
      logLevel: 'info',
      stopGraceMs: 1000,
      replicaId: 'order-1',
      databaseFile: 'orders.db',
      advertisedUrl: undefined,
      cluster: 'test',
      secret: '0123456789abcdef',
      database: 'orders',
      replication: { kind: 'kafka', kafka: { brokers: ['127.0.0.1:9092'] }, topicPrefix: '' },
    });
    // The library has the defaults of the limits.
    expect(Object.values(config.limits).filter((limit) => limit !== undefined)).toEqual([]);
  });

  it('needs nothing but a database when that is shared', () => {
    const shared = { REPLICA_ID: 'order-1', DBSYNC_TOPOLOGY: 'shared-db' };
    const url = 'postgres://orders:secret@127.0.0.1:5432/orders';
    expect(readConfig({ ...shared, DATABASE_URL: url })).toMatchObject({
      storage: 'shared-db',
      databaseUrl: url,
    });
    expect(problemsOf(shared)).toEqual([
      expect.stringMatching(/^DATABASE_URL: is not set; expected the PostgreSQL/),
    ]);
    expect(problemsOf({ ...shared, DATABASE_URL: 'mysql://127.0.0.1/orders' })).toEqual([
      expect.stringMatching(/^DATABASE_URL: .*expected the PostgreSQL/),
    ]);
  });

  it('needs no broker when it is isolated', () => {
    expect(replicaConfig(isolated).replication).toEqual({ kind: 'isolated' });
    expect(problemsOf({ ...kafka, KAFKA_BROKERS: '' })).toEqual([
      expect.stringMatching(/^KAFKA_BROKERS must be set.*DBSYNC_TOPOLOGY=isolated/),
    ]);
    expect(problemsOf({ ...kafka, DBSYNC_TOPOLOGY: 'connect' })).toEqual([
      expect.stringMatching(/^DBSYNC_TOPOLOGY: is "connect"; expected kafka/),
    ]);
  });

  it('takes the names of the outside world', () => {
    const config = replicaConfig({
      ...kafka,
      HOST: '0.0.0.0',
      PORT: '0',
      LOG_LEVEL: 'debug',
      ADVERTISED_URL: 'http://orders.example:60001',
      DBSYNC_DATABASE: 'shop',
      DBSYNC_TOPIC_PREFIX: 'test.',
      KAFKA_BROKERS: 'a:1, b:2',
      DBSYNC_TOPIC_PARTITIONS: '12',
      DBSYNC_TOPIC_REPLICATION_FACTOR: '3',
      DBSYNC_TOPIC_MIN_INSYNC_REPLICAS: '2',
      DBSYNC_APPLY_ROWS: '100',
    });
    expect(config).toMatchObject({
      host: '0.0.0.0',
      port: 0,
      logLevel: 'debug',
      stopGraceMs: 1000,
      advertisedUrl: 'http://orders.example:60001',
      database: 'shop',
      replication: {
        kind: 'kafka',
        kafka: { brokers: ['a:1', 'b:2'] },
        topicPrefix: 'test.',
        partitions: 12,
        replicationFactor: 3,
        minInsyncReplicas: 2,
        applyRows: 100,
      },
    });
  });

  it.each([
    ['DBSYNC_PUBLISH_ROWS', 'publishRows', 1, 5000],
    ['DBSYNC_PUBLISH_BYTES', 'publishBytes', 1024, 16_777_216],
    ['DBSYNC_MAX_QUEUED_WRITES', 'maxQueuedWrites', 1, 1_000_000],
    ['DBSYNC_MAX_UNPUBLISHED', 'maxUnpublished', 1, 1_000_000_000],
    ['DBSYNC_MAX_WAITERS', 'maxWaiters', 1, 1_000_000],
    ['DBSYNC_TOKEN_WAIT_MS', 'tokenWaitMs', 0, 60_000],
    ['DBSYNC_ACKNOWLEDGE_MS', 'acknowledgeMs', 1, 60_000],
    ['DBSYNC_GONE_AFTER_MS', 'goneAfterMs', 1000, 31_536_000_000],
    ['DBSYNC_STANDSTILL_MS', 'standstillMs', 1000, 600_000],
    ['DBSYNC_DRAIN_MS', 'drainMs', 0, 60_000],
    ['DBSYNC_BUSY_TIMEOUT_MS', 'busyTimeoutMs', 0, 60_000],
    ['DBSYNC_READERS', 'readers', 1, 16],
  ] as const)('takes %s within its bounds as %s', (name, limit, min, max) => {
    for (const value of [min, max]) {
      expect(replicaConfig({ ...isolated, [name]: String(value) }).limits[limit]).toBe(value);
    }
    for (const value of [min - 1, max + 1, `${min}.5`, '1e3', ' 5', 'many', '0x10']) {
      expect(problemsOf({ ...isolated, [name]: String(value) }), String(value)).toEqual([
        expect.stringMatching(new RegExp(`^${name}: is .*; expected .*${min}\\.\\.${max}$`)),
      ]);
    }
  });

  it.each([
    ['REPLICA_ID', ['', 'order 1', '-order', '.', 'a/b', 'x'.repeat(65), 'ö']],
    ['PORT', ['-1', '65536', 'http', '1.5']],
    ['HOST', ['a b', 'http://x']],
    ['LOG_LEVEL', ['verbose', 'INFO']],
    ['DATABASE_FILE', ['']],
    ['ADVERTISED_URL', ['orders', 'ftp://orders', '//orders']],
    ['DBSYNC_CLUSTER', ['a b', 'x'.repeat(65)]],
    ['DBSYNC_DATABASE', ['Orders', '1orders', 'a.b', 'o'.repeat(33), "o'; DROP"]],
    ['DBSYNC_TOPIC_PREFIX', ['a b', 'a/', 'x'.repeat(65)]],
    ['KAFKA_BROKERS', ['nowhere', 'a:b', 'a:1,,b:2', 'http://a:1']],
    ['DBSYNC_TOPIC_PARTITIONS', ['0', '1001']],
    ['DBSYNC_TOPIC_REPLICATION_FACTOR', ['0', '11']],
    ['DBSYNC_TOPIC_MIN_INSYNC_REPLICAS', ['0', '11']],
    ['DBSYNC_APPLY_ROWS', ['0', '5001']],
    ['KAFKA_SSL', ['yes']],
  ])('refuses bad values of %s by name', (name, values) => {
    for (const value of values) {
      expect(problemsOf({ ...kafka, [name]: value }), value).toEqual([
        expect.stringMatching(new RegExp(`^${name}: `)),
      ]);
    }
  });

  it('names everything that is wrong at once', () => {
    const problems = problemsOf({
      REPLICA_ID: 'a b',
      PORT: 'x',
      LOG_LEVEL: 'loud',
      DBSYNC_TOKEN_WAIT_MS: '-1',
      DBSYNC_SECRET: 'short',
      DBSYNC_NO_SUCH_THING: '1',
      DBSYNC_MAX_UNPUBLISHD: '1',
    });
    expect(problems).toHaveLength(8);
    for (const name of [
      'REPLICA_ID',
      'PORT',
      'LOG_LEVEL',
      'DBSYNC_TOKEN_WAIT_MS',
      'DBSYNC_SECRET',
      'DATABASE_FILE',
      'DBSYNC_NO_SUCH_THING',
    ]) {
      expect(problems).toContainEqual(expect.stringMatching(new RegExp(`^${name}: `)));
    }
    expect(problems).toContainEqual(
      'DBSYNC_MAX_UNPUBLISHD: is not a variable of this service; did you mean DBSYNC_MAX_UNPUBLISHED?',
    );
  });

  it('leaves names alone that are not ours', () => {
    expect(
      problemsOf({ ...isolated, PATH: '/bin', HOME: '/', OTEL_SERVICE_NAME: 'x', DBSYNCX: '1' }),
    ).toEqual([]);
  });

  it('never shows a secret', () => {
    const secret = 'hunter2-secret';
    const everything = [
      problemsOf({ ...isolated, DBSYNC_SECRET: secret }),
      problemsOf({ ...isolated, DBSYNC_SECRET_FILE: '/nonexistent/secret' }),
      problemsOf({ ...kafka, KAFKA_SASL_PASSWORD: secret, KAFKA_SASL_MECHANISM: 'none' }),
    ];
    for (const problems of everything) expect(problems.length).toBeGreaterThan(0);
    expect(everything.flat().join('\n')).not.toContain(secret);
    expect(everything[0]).toEqual([
      expect.stringMatching(/^DBSYNC_SECRET: has an unusable value \(14 characters, not shown\)/),
    ]);
  });

  it('reads the secret from a file, trimmed, and refuses two secrets or too short a one', () => {
    const file = path.join(newDirectory(), 'secret');
    writeFileSync(file, '  0123456789abcdef0123\n');
    const { DBSYNC_SECRET: _, ...rest } = isolated;
    expect(replicaConfig({ ...rest, DBSYNC_SECRET_FILE: file }).secret).toBe('0123456789abcdef0123');
    expect(problemsOf({ ...isolated, DBSYNC_SECRET_FILE: file })).toEqual([
      expect.stringMatching(/one of them, not both/),
    ]);
    writeFileSync(file, 'short\n');
    expect(problemsOf({ ...rest, DBSYNC_SECRET_FILE: file })).toEqual([
      expect.stringMatching(/holds 5 characters; expected at least 16/),
    ]);
  });

  it.each(['DBSYNC_CLUSTER', 'DBSYNC_SECRET'])('has no default for %s', (name) => {
    expect(problemsOf({ ...isolated, [name]: '' })).toEqual([
      expect.stringMatching(/^DBSYNC_CLUSTER and DBSYNC_SECRET .* must be set/),
    ]);
  });
});
