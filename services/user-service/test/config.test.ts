import { ConfigurationError } from '@dbsync/service-kit';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';

const urls = { DATABASE_FILE: 'users.db', ORDER_SERVICE_URLS: 'http://127.0.0.1:60001' };
const kafka = {
  DATABASE_FILE: 'users.db',
  KAFKA_BROKERS: '127.0.0.1:9092',
  DBSYNC_CLUSTER: 'test',
  DBSYNC_SECRET: '0123456789abcdef',
};

describe('readConfig', () => {
  it('has defaults for everything but the database file and the way to the orders', () => {
    expect(readConfig(urls)).toEqual({
      host: '127.0.0.1',
      port: 50_001,
      logLevel: 'info',
      stopGraceMs: 1000,
      replicaId: 'user-service',
      databaseFile: 'users.db',
      orderTimeoutMs: 2_000,
      tokenWaitMs: 2_000,
      maxLagMs: 10_000,
      orderReplicas: { kind: 'fixed', urls: ['http://127.0.0.1:60001'] },
    });
  });

  it('finds order replicas by their announcements on Kafka', () => {
    expect(readConfig({ ...kafka, DBSYNC_TOPIC_PREFIX: 't1.' }).orderReplicas).toEqual({
      kind: 'announced',
      kafka: { brokers: ['127.0.0.1:9092'] },
      cluster: 'test',
      secret: '0123456789abcdef',
      database: 'orders',
      topicPrefix: 't1.',
    });
  });

  it('prefers the fixed list where both are given', () => {
    expect(readConfig({ ...kafka, ...urls }).orderReplicas.kind).toBe('fixed');
  });

  it('says which variables lead to the orders when none does', () => {
    expect(() => readConfig({ DATABASE_FILE: 'users.db' })).toThrow(ConfigurationError);
    expect(() => readConfig({ DATABASE_FILE: 'users.db' })).toThrow(
      /ORDER_SERVICE_URLS.*KAFKA_BROKERS.*not set: KAFKA_BROKERS, DBSYNC_CLUSTER, DBSYNC_SECRET/,
    );
    expect(() => readConfig({ ...kafka, DBSYNC_SECRET: '' })).toThrow(/not set: DBSYNC_SECRET \(or/);
  });

  it('splits the list of URLs, drops repeated ones and a trailing slash', () => {
    const list = 'http://a:1/, https://b:2,http://a:1/';
    expect(readConfig({ ...urls, ORDER_SERVICE_URLS: list }).orderReplicas).toEqual({
      kind: 'fixed',
      urls: ['http://a:1', 'https://b:2'],
    });
  });

  it('refuses URLs that are not an origin', () => {
    for (const list of [
      'a:1',
      'ftp://a',
      'http://a:1/path',
      'http://u:p@a:1',
      'http://a:1,',
      'http://a:1?x=1',
    ]) {
      expect(() => readConfig({ ...urls, ORDER_SERVICE_URLS: list }), list).toThrow(/ORDER_SERVICE_URLS: is/);
    }
  });

  it('names every bad variable at once', () => {
    const env = {
      DATABASE_FILE: '',
      PORT: 'x',
      REPLICA_ID: 'a b',
      DBSYNC_ORDER_TIMEOUT_MS: '1',
      DBSYNC_X: '1',
    };
    expect(() => readConfig(env)).toThrow(
      expect.objectContaining({
        problems: expect.arrayContaining([
          expect.stringMatching(/^DATABASE_FILE: is not set/),
          expect.stringMatching(/^PORT: /),
          expect.stringMatching(/^REPLICA_ID: /),
          expect.stringMatching(/^DBSYNC_ORDER_TIMEOUT_MS: /),
          expect.stringMatching(/^DBSYNC_X: is not a variable of this service/),
          expect.stringMatching(/^order replicas cannot be found/),
        ]),
      }),
    );
  });
});
