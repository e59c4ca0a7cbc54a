/** What tests of this package and of its users share: a broker in memory, replicas for tests, waiting. */
export { MemoryBroker, type MemoryBrokerOptions } from "./memory-broker.ts";
export { MemoryChangeLog } from "./memory-change-log.ts";
export { note, notes, notesDatabase, tags } from './notes-table.ts';
export { startReplica, type TestReplicaOptions, temporaryDirectory } from './test-replica.ts';
export { waitUntil } from './wait-until.ts';
