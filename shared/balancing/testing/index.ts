/** What tests of this package and of its users share: replicas that answer as they are told, and how they are known. */
export { type BalancedReplicas, closeBalanced, startBalanced } from './balanced-replicas.ts';
export { discoveryOf, knownReplica } from './fake-discovery.ts';
export { closeFakes, type FakeReplica, sendJson, startFakeReplica } from './fake-replica.ts';
