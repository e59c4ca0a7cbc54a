/**
 * Replicas for tests: on a file of their own, over a memory broker, with everything cleaned up at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReplica } from '../src/open-replica.ts';
import type { Replica } from '../src/replica.ts';
import type { ReplicaOptions } from '../src/replica-options.ts';
import { realSurroundings, silentLogger } from '../src/surroundings.ts';
import type { MemoryBroker } from './memory-broker.ts';
import { notesDatabase } from './notes-table.ts';

/** A new directory that `remove` deletes. */
export function temporaryDirectory(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'dbsync-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** What a test may choose; the rest has defaults. */
export type TestReplicaOptions = Partial<ReplicaOptions> & {
  readonly directory: string;
  readonly broker?: MemoryBroker;
};

/** Opens and starts a replica. Errors that would end the process are collected in `failures`. */
export async function startReplica(
  replicaId: string,
  options: TestReplicaOptions,
): Promise<{
  replica: Replica;
  failures: unknown[];
  client: ReturnType<MemoryBroker['connect']>['client'] | undefined;
}> {
  const { directory, broker, ...rest } = options;
  const failures: unknown[] = [];
  const connection = broker?.connect();
  const replica = await openReplica({
    replicaId,
    cluster: 'test',
    secret: 'a secret of sixteen and more',
    file: join(directory, replicaId, 'notes.db'),
    description: notesDatabase,
    url: () => `http://127.0.0.1:1/${replicaId}`,
    ...(connection
      ? { replication: { topic: 'notes.changes', log: connection.log, channel: connection.channel } }
      : {}),
    world: realSurroundings(silentLogger),
    failed: (error) => failures.push(error),
    ...rest,
  });
  replica.start();
  return { replica, failures, client: connection?.client };
}
