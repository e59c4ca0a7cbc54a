/** What tests of this package and of its users share: a broker in memory, replicas, clocks, events, waiting. */
export { type Chain, createChain, GENESIS } from '../src/chain.ts';
export { encodeEvent } from '../src/change-event.ts';
export { openDatabase } from '../src/sqlite.ts';
export { chooseSqliteClient } from '../src/sqlite-driver.ts';
export { defineTable } from '../src/table.ts';
export { type ApplierBench, benchTopic, openApplierBench, pieceOf } from './applier-bench.ts';
export { beatOf } from './beats.ts';
export { damageDatabase, SeededNumbers } from './damage.ts';
export { runDamageTrials } from './damage-run.ts';
export { removeTrialFolders } from './damage-trial.ts';
export {
  ForeignRun,
  originName,
  type RawRecord,
  rawRecord,
  recordAt,
  testChain,
  testCluster,
} from './foreign-run.ts';
export { type KafkaEcho, openKafkaEcho } from './kafka-echo.ts';
export { grantKafkaRights, type KafkaRight, listKafkaGroups } from './kafka-rights.ts';
export { MemoryBroker, type MemoryBrokerOptions } from './memory-broker.ts';
export { MemoryChangeLog } from './memory-change-log.ts';
export { type ClusterReplicaOptions, MemoryCluster, untilLive, untilRow } from './memory-cluster.ts';
export { MemoryPeers } from './memory-peers.ts';
export { newerNotesDatabase, note, notes, notesDatabase, tags } from './notes-table.ts';
export { openPartitionBench, type PartitionBench } from './partition-bench.ts';
export { PublisherBenches, publishAll, rowsInLog, writeNotes } from './publisher-benches.ts';
export { type RawKafkaRecord, type RawTopic, rawTopic } from './raw-kafka.ts';
export { fastClock, SimulatedClock } from './simulated-clock.ts';
export { startReplica, type TestReplicaOptions, temporaryDirectory } from './test-replica.ts';
export { waitUntil } from './wait-until.ts';
export { openWorkbench, type Workbench, type WorkbenchOptions } from './workbench.ts';
export { wrappedLog, wrappedReads } from './wrapped-log.ts';
