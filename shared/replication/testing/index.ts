/** What tests of this package and of its users share: a broker in memory, replicas for tests, waiting. */
export { MemoryBroker, type MemoryBrokerOptions, MemoryChangeLog } from './memory-broker.ts';
export { note, notes, notesDatabase, tags } from './notes-table.ts';
export { startReplica, type TestReplicaOptions, temporaryDirectory } from './test-replica.ts';
export { waitUntil } from './wait-until.ts';
