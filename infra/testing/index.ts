/**
 * What integration tests share: brokers and clusters of their own, load, and the judge.
 * `shared-broker.ts` is vitest's.
 */

export { type SeededRandom, seededRandom } from '../src/chaos/seeded-random.ts';
export {
  type HeldOrder,
  judgeRetries,
  type QuietReplica,
  type RetryEvent,
  type SeenOrder,
} from '../src/judge/retry-judge.ts';
export { type LoadOptions, type LoadRecord, placeOrders } from '../src/load/order-load.ts';
export { assertConverged, assertNothingLostOrMade, assertSameRows, ordersInFile } from './convergence.ts';
export { startTestBroker, type TestBroker, type TestBrokerOptions } from './test-broker.ts';
export { startTestCluster, type TestCluster, type TestClusterOptions } from './test-cluster.ts';
export { startTestPostgres, type TestPostgres } from './test-postgres.ts';
