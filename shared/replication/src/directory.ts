/**
 * Whose data directory this is: a file belongs to one replica id of one cluster, and to builds that know its rows.
 *
 * A newer build may have opened it: as long as it wrote and applied no row of its own version, the way back is open.
 */
import { ReplicationError } from './errors.ts';
import { REPLICA_ID } from './origin.ts';
import type { Connection } from './sqlite.ts';

/** Who wants the directory. */
export interface Claim {
  readonly replicaId: string;
  readonly cluster: string;
  readonly schemaVersion: number;
}

/** Whose a file says it is. */
export type StoredClaim = Pick<Claim, 'replicaId' | 'cluster'>;

/**
 * Whose the file says it is; undefined where it is nobody's yet.
 * @throws `database-damaged` where it names what cannot be a replica.
 */
export async function readClaim(connection: Pick<Connection, 'all'>): Promise<StoredClaim | undefined> {
  const [found] = await connection.all<Record<'replica_id' | 'cluster', unknown>>(
    'SELECT replica_id, cluster FROM replication_replica',
  );
  if (!found) return undefined;
  const { replica_id: replicaId, cluster } = found;
  // A file that was cut gives nothing where a name must be; a bit may make a name that nobody can have.
  if (typeof replicaId === 'string' && typeof cluster === 'string' && REPLICA_ID.test(replicaId))
    return { replicaId, cluster };
  throw new ReplicationError({
    code: 'database-damaged',
    message: `The database is damaged: it says that it belongs to replica ${JSON.stringify(replicaId)}.`,
    hint: 'Keep the file aside and rebuild the replica.',
  });
}

/**
 * Writes the claim into a new file, or holds it against the one that is there.
 * @throws `directory-refused`, saying whose directory it is; `database-damaged` where that cannot be.
 */
export async function claimDirectory(connection: Connection, claim: Claim): Promise<void> {
  const found = await readClaim(connection);
  if (found && found.replicaId !== claim.replicaId) {
    throw refused(
      `it belongs to replica ${found.replicaId}, not ${claim.replicaId}`,
      'Give each replica a directory of its own.',
    );
  }
  if (found && found.cluster !== claim.cluster) {
    throw refused(
      `it belongs to cluster ${found.cluster}, not ${claim.cluster}`,
      'Use the directory of this cluster, or an empty one.',
    );
  }
  if (await hasNewerRows(connection, claim.schemaVersion)) {
    throw refused(
      `it holds rows of schema version ${await newestRow(connection)}, and this build knows versions up to ${claim.schemaVersion}`,
      'Start the newer build again.',
    );
  }
  await connection.run(
    `INSERT INTO replication_replica (only_row, replica_id, cluster, schema_version) VALUES (1, ?, ?, ?)
     ON CONFLICT (only_row) DO UPDATE SET schema_version = excluded.schema_version`,
    [claim.replicaId, claim.cluster, claim.schemaVersion],
  );
}

/**
 * True when the file holds rows that a build of version `known` cannot read. Rows are looked through only after a newer
 * build was here: nobody else can have stored them.
 */
export async function hasNewerRows(connection: Pick<Connection, 'all'>, known: number): Promise<boolean> {
  const [found] = await connection.all<{ schema_version: number }>(
    'SELECT schema_version FROM replication_replica',
  );
  return found !== undefined && found.schema_version > known && (await newestRow(connection)) > known;
}

/**
 * The newest schema version among all rows, of tables too that this build has never heard of: whatever has a place
 * and a link is a row.
 */
async function newestRow(connection: Pick<Connection, 'all'>): Promise<number> {
  const tables = await connection.all<{ name: string }>(
    `SELECT name FROM sqlite_master m WHERE type = 'table' AND 3 = (
       SELECT count(*) FROM pragma_table_info(m.name) WHERE name IN ('seq', 'schema_version', 'chain'))`,
  );
  let newest = 0;
  for (const { name } of tables) {
    const [row] = await connection.all<{ version: number | null }>(
      `SELECT max(schema_version) AS version FROM "${name}"`,
    );
    newest = Math.max(newest, row?.version ?? 0);
  }
  return newest;
}

function refused(what: string, hint: string): ReplicationError {
  return new ReplicationError({
    code: 'directory-refused',
    message: `The data directory is refused: ${what}.`,
    hint,
  });
}
