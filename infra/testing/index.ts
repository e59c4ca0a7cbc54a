/**
 * What tests of other packages may use: brokers and clusters of their own. `shared-broker.ts` is vitest's.
 */
export { startTestBroker, type TestBroker, type TestBrokerOptions } from './test-broker.ts';
export { startTestCluster, type TestCluster, type TestClusterOptions } from './test-cluster.ts';
