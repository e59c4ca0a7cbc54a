/**
 * Finding the order replicas and asking the right one: shared by the gateway and the user-service.
 *
 * Discovery (announcements, a fixed list, DNS) gives known replicas; the balanced client chooses among them. It
 * sits above the replication library, whose announcements it reads, and the service kit; see ARCHITECTURE.md.
 */
export { announcedReplicas } from './announced-replicas.ts';
export {
  type BalancedAnswer,
  BalancedClient,
  type BalancedClientObserver,
  type BalancedRequest,
  NoReplicaError,
  type ReplicaShare,
  UnansweredError,
} from './balanced-client.ts';
export { balancingObserver } from './balancing-observer.ts';
export {
  discover,
  discoveryVariables,
  isBareUrl,
  noWayToOrders,
  type ReplicaSource,
  replicaSource,
} from './discovery-variables.ts';
export { isAboutRequest } from './exchange.ts';
export { type Discovery, isCovering, isReady, type KnownReplica, type KnownState } from './known-replica.ts';
export { fixedUrls, ProbedReplicas } from './probed-replicas.ts';
