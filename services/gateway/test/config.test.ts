import { describe, expect, it } from 'vitest';
import { readConfig } from '../src/config.ts';

const given = { USER_SERVICE_URL: 'http://127.0.0.1:50001', ORDER_SERVICE_URLS: 'http://127.0.0.1:60001' };

describe('readConfig', () => {
  it('has defaults for everything but where the services are', () => {
    expect(readConfig(given)).toEqual({
      host: '127.0.0.1',
      port: 8_000,
      logLevel: 'info',
      stopGraceMs: 1000,
      userServiceUrl: 'http://127.0.0.1:50001',
      orderReplicas: { kind: 'fixed', urls: ['http://127.0.0.1:60001'] },
      maxLagMs: 10_000,
      readTimeoutMs: 2_000,
      writeTimeoutMs: 10_000,
      tokenWaitMs: 2_000,
      streamTimeoutMs: 60_000,
      maxRequests: 1_000,
      hasSessionCookie: true,
    });
  });

  it('takes a DNS name, or announcements, in place of a list', () => {
    const { ORDER_SERVICE_URLS: _, ...rest } = given;
    expect(readConfig({ ...rest, ORDER_SERVICE_DNS: 'orders.default:60001' }).orderReplicas).toEqual({
      kind: 'dns',
      name: 'orders.default',
      port: 60_001,
    });
    const announced = { KAFKA_BROKERS: 'a:9092', DBSYNC_CLUSTER: 'c', DBSYNC_SECRET: '0123456789abcdef' };
    expect(readConfig({ ...rest, ...announced }).orderReplicas).toMatchObject({
      kind: 'announced',
      cluster: 'c',
    });
  });

  it('says everything that is wrong at once', () => {
    for (const name of ['DBSYNC_SESSION_COOKIE', 'USER_SERVICE_URL', 'ORDER_SERVICE_URLS']) {
      expect(() => readConfig({ DBSYNC_SESSION_COOKIE: 'perhaps' })).toThrow(name);
    }
    expect(() => readConfig({})).toThrow(/ORDER_SERVICE_DNS, or let them announce themselves/);
    expect(() => readConfig({ ...given, ORDER_SERVICE_DNS: 'a:1' })).toThrow('set one of them, not both');
    expect(() => readConfig({ ...given, USER_SERVICE_URL: 'http://a/path' })).toThrow('USER_SERVICE_URL');
  });
});
