import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  leanNode,
  orderServiceEnvironment,
  type SharedSettings,
  userServiceEnvironment,
} from '../../src/cluster/service-environment.ts';

const shared: SharedSettings = {
  inherited: {
    PATH: '/usr/bin',
    OTEL_SERVICE_NAME: 'mine',
    PORT: '3000',
    KAFKA_BROKERS: 'stray:9092',
    KAFKA_SSL: 'true',
    KAFKA_SASL_USERNAME: 'ada',
    KAFKA_IMAGE: 'an-image',
    DBSYNC_UNKNOWN: 'would be refused',
    DBSYNC_CLUSTER: 'stray',
    UNSET: undefined,
  },
  extra: {},
  cluster: 'dev-1',
  secretFile: '/data/secret',
  databaseUrl: null,
  topicPrefix: '',
  logLevel: 'info',
  broker: { bootstrap: '127.0.0.1:9092', isExternal: false },
};
const order = { port: 60_001, database: '/data/order-1/orders.db', replicaId: 'order-1' };
const user = {
  port: 50_001,
  database: '/data/user-service/users.db',
  orderServiceUrls: ['http://127.0.0.1:60001', 'http://127.0.0.1:60002'],
};

describe("a service's environment", () => {
  it('configures a replica completely and lets no stray name of the shell through', () => {
    expect(orderServiceEnvironment(shared, order)).toEqual({
      ...leanNode,
      PATH: '/usr/bin',
      OTEL_SERVICE_NAME: 'mine',
      HOST: '127.0.0.1',
      PORT: '60001',
      REPLICA_ID: 'order-1',
      DATABASE_FILE: '/data/order-1/orders.db',
      KAFKA_BROKERS: '127.0.0.1:9092',
      ADVERTISED_URL: 'http://127.0.0.1:60001',
      LOG_LEVEL: 'info',
      DBSYNC_CLUSTER: 'dev-1',
      DBSYNC_SECRET_FILE: '/data/secret',
      DBSYNC_TOPOLOGY: 'kafka',
    });
  });

  it('has no broker in the isolated topology, where the user-service is told the addresses', () => {
    const isolated = { ...shared, broker: null };
    const replica = orderServiceEnvironment(isolated, order);
    expect(replica.DBSYNC_TOPOLOGY).toBe('isolated');
    expect(replica).not.toHaveProperty('KAFKA_BROKERS');
    expect(userServiceEnvironment(isolated, user).ORDER_SERVICE_URLS).toBe(
      'http://127.0.0.1:60001,http://127.0.0.1:60002',
    );
    expect(userServiceEnvironment(shared, user)).not.toHaveProperty('ORDER_SERVICE_URLS');
    expect(userServiceEnvironment(shared, user)).not.toHaveProperty('DBSYNC_TOPOLOGY');
  });

  it('passes on how to reach an external broker, and only to that', () => {
    const external = { ...shared, topicPrefix: 'mine.', broker: { bootstrap: 'a:9093', isExternal: true } };
    expect(userServiceEnvironment(external, user)).toMatchObject({
      KAFKA_BROKERS: 'a:9093',
      KAFKA_SSL: 'true',
      KAFKA_SASL_USERNAME: 'ada',
      DBSYNC_TOPIC_PREFIX: 'mine.',
    });
    expect(userServiceEnvironment(external, user)).not.toHaveProperty('KAFKA_IMAGE');
  });

  it("keeps compiled code where only this user writes, and lets the shell's own settings of Node win", () => {
    const packages = fileURLToPath(new URL('../../../node_modules/', import.meta.url));
    expect(leanNode.NODE_COMPILE_CACHE.startsWith(packages)).toBe(true);
    const inherited = {
      NODE_OPTIONS: '--trace-warnings',
      NODE_COMPILE_CACHE: '/mine',
      MALLOC_ARENA_MAX: '8',
    };
    expect(userServiceEnvironment({ ...shared, inherited }, user)).toMatchObject(inherited);
  });

  it("lets the caller's own settings win", () => {
    const extra = { DBSYNC_MAX_UNPUBLISHED: '10', LOG_LEVEL: 'debug' };
    expect(orderServiceEnvironment({ ...shared, extra }, order)).toMatchObject(extra);
  });
});
