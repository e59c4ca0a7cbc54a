/**
 * Replication of SQLite tables between the replicas of a service over a change log.
 *
 * Words: a *replica* is one service instance with its own database; an *origin* is one run of a replica; *seq*
 * counts an origin's rows without a hole; the *chain* links them; the *vector* says what a replica holds of each
 * origin; a *position* is the next offset to read of a partition. ARCHITECTURE.md has the whole list.
 */
export type { WriteConcern } from './admission.ts';
export type { Announcement, ReplicaState } from './announcement.ts';
export type { DeepCheck } from './deep-check.ts';
export { errorText, isReplicationError, ReplicationError, type ReplicationErrorCode } from './errors.ts';
export type { StoredEvent } from './history.ts';
export { describeKafkaCluster, type KafkaConnection } from './kafka/kafka.ts';
export { createKafkaReplication } from './kafka/kafka-replication.ts';
export { createReplicaRegistry, type ReplicaRegistry } from './kafka/replica-registry.ts';
export { defaultLimits, type Limits } from './limits.ts';
export { openReplica } from './open-replica.ts';
export { isOrigin, mintOrigin, REPLICA_ID, replicaOf, runOf } from './origin.ts';
export type { Vector } from './origins.ts';
export type { Replica } from './replica.ts';
export type { ReplicaOptions } from './replica-options.ts';
export type { SnapshotManifest, TakenSnapshot } from './snapshot.ts';
export { receiveSnapshot, snapshotBytes } from './snapshot-stream.ts';
export type { SqliteClient } from './sqlite-driver.ts';
export type { ReplicaStatus } from './status.ts';
export {
  type Logger,
  type Observe,
  realSurroundings,
  type Step,
  steps,
  systemClock,
  systemRandom,
} from './surroundings.ts';
export type { DatabaseDescription, Row, TableDescription } from './table.ts';
export { formatToken, joinToken, mergeTokens, parseToken, type Token } from './token.ts';
export { traceParentOf } from './trace-parent.ts';
export type { HiddenEntry, QuarantineEntry, QuarantineRecord } from './upkeep.ts';
