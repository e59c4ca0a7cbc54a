/**
 * Whose data directory this is: a file belongs to one replica id of one cluster, and to no older build.
 */
import { ReplicationError } from './errors.ts';
import type { Connection } from './sqlite.ts';

/** Who wants the directory. */
export interface Claim {
  readonly replicaId: string;
  readonly cluster: string;
  readonly schemaVersion: number;
}

/**
 * Writes the claim into a new file, or holds it against the one that is there.
 * @throws `directory-refused`, saying whose directory it is.
 */
export async function claimDirectory(connection: Connection, claim: Claim): Promise<void> {
  const [found] = await connection.all<{ replica_id: string; cluster: string; schema_version: number }>(
    'SELECT replica_id, cluster, schema_version FROM replication_replica',
  );
  if (found && found.replica_id !== claim.replicaId) {
    throw refused(
      `it belongs to replica ${found.replica_id}, not ${claim.replicaId}`,
      'Give each replica a directory of its own.',
    );
  }
  if (found && found.cluster !== claim.cluster) {
    throw refused(
      `it belongs to cluster ${found.cluster}, not ${claim.cluster}`,
      'Use the directory of this cluster, or an empty one.',
    );
  }
  if (found && found.schema_version > claim.schemaVersion) {
    throw refused(
      `it was used by a build that writes schema version ${found.schema_version}; this one knows ${claim.schemaVersion}`,
      'Start the newer build again.',
    );
  }
  await connection.run(
    `INSERT INTO replication_replica (only_row, replica_id, cluster, schema_version) VALUES (1, ?, ?, ?)
     ON CONFLICT (only_row) DO UPDATE SET schema_version = excluded.schema_version`,
    [claim.replicaId, claim.cluster, claim.schemaVersion],
  );
}

function refused(what: string, hint: string): ReplicationError {
  return new ReplicationError({
    code: 'directory-refused',
    message: `The data directory is refused: ${what}.`,
    hint,
  });
}
