/**
 * The write version: in which schema version local rows are written now.
 *
 *   rows of the newest version are here, or an operator said so ........ the newest (as far as this build knows it)
 *   everybody who announced himself lately knows a newer version ....... the newest that all of them know
 *   anything else, and while nobody can be heard ....................... the version of the rows that are here
 *
 * So an upgrade goes replica by replica, and a way back is open until the first row of the new version. Lately means:
 * silent for less than the hold, in time in which others were heard. A replica that wrote rows counts as having
 * announced itself when this run began; its version is unknown before it is heard.
 */

import { replicaOf } from './origin.ts';
import type { Origins } from './origins.ts';
import type { Registry } from './registry.ts';
import type { Connection, Database } from './sqlite.ts';
import type { Table } from './table.ts';

/** A replica that holds the write version back. */
export interface OlderReplica {
  readonly replicaId: string;
  /** Newest version that it knows; null before it was heard. */
  readonly schemaVersion: number | null;
}

/** How the write version is judged. */
export interface WriteVersionOptions {
  /** Newest version that this build knows. */
  readonly known: number;
  readonly replicaId: string;
  readonly origins: Origins;
  readonly registry: Registry;
  /** Silence after which a replica is not waited for any more, in milliseconds. */
  readonly holdMs: number;
  /** True for replicas that an operator has removed. */
  readonly isRemoved: (replicaId: string) => boolean;
  /** Nobody else will ever read these rows: isolated. */
  readonly isAlone: boolean;
  /** Newest version of a row that is stored here. */
  readonly newestRow: number;
  /** Version that an operator has accepted earlier; 0 for none. */
  readonly accepted: number;
}

/** Judges in which version to write. */
export class WriteVersion {
  readonly #options: WriteVersionOptions;
  #floor: number;

  constructor(options: WriteVersionOptions) {
    this.#options = options;
    this.#floor = Math.max(1, options.newestRow, options.accepted);
  }

  /** The version for a row that is written now. */
  get current(): number {
    const { known, isAlone, registry } = this.#options;
    if (isAlone) return known;
    const floor = Math.min(this.#floor, known);
    if (floor === known || !registry.knowsEverybody) return floor;
    const agreed = Math.min(known, ...this.#others().map(({ schemaVersion }) => schemaVersion ?? 1));
    return Math.max(floor, agreed);
  }

  /** Whom an upgrade waits for; empty where nobody holds it back. */
  olderReplicas(): OlderReplica[] {
    if (this.#options.isAlone) return [];
    return this.#others().filter(({ schemaVersion }) => (schemaVersion ?? 0) < this.#options.known);
  }

  /** A row of that version was committed here: there is no way back behind it. */
  stored(version: number): void {
    this.#floor = Math.max(this.#floor, version);
  }

  /** Everybody lately heard, and those whose rows are here, other than this replica. */
  #others(): OlderReplica[] {
    const { replicaId: own, origins, registry, holdMs, isRemoved } = this.#options;
    const live = new Set(registry.live().map(({ replicaId }) => replicaId));
    const versions = new Map<string, number | null>();
    for (const replicaId of origins.replicaIds()) versions.set(replicaId, null);
    for (const { origin, schemaVersion } of registry.latest()) versions.set(replicaOf(origin), schemaVersion);
    return [...versions]
      .filter(([replicaId]) => replicaId !== own && registry.silenceMs(replicaId) < holdMs)
      .filter(([replicaId]) => live.has(replicaId) || !isRemoved(replicaId))
      .map(([replicaId, schemaVersion]) => ({ replicaId, schemaVersion }));
  }
}

/**
 * Newest version of a stored row; 1 where there is none. Within a run versions never go down, so the last row of each
 * tells.
 */
export async function newestRowVersion(
  reader: Pick<Database['reader'], 'all'>,
  tables: readonly Pick<Table, 'name'>[],
): Promise<number> {
  let newest = 1;
  // CROSS keeps SQLite from going through all rows to find each one's origin.
  for (const name of [...tables.map((table) => table.name), 'replication_hidden']) {
    const [found] = await reader.all<{ version: number | null }>(
      `SELECT max(r.schema_version) AS version FROM replication_origin o
       CROSS JOIN ${name} r ON r.origin = o.id AND r.seq = o.seq`,
    );
    newest = Math.max(newest, found?.version ?? 1);
  }
  return newest;
}

/** The version that an operator has accepted for this file; 0 for none. What a later build was told is forgotten. */
export async function loadAcceptedVersion(connection: Connection, known: number): Promise<number> {
  await connection.run('DELETE FROM replication_accepted WHERE schema_version > ?', [known]);
  const [found] = await connection.all<{ schema_version: number }>(
    'SELECT schema_version FROM replication_accepted',
  );
  return found?.schema_version ?? 0;
}

/** Remembers an operator's word; part of a transaction. */
export async function saveAcceptedVersion(connection: Connection, version: number): Promise<void> {
  await connection.run(
    `INSERT INTO replication_accepted (only_row, schema_version) VALUES (1, ?)
     ON CONFLICT (only_row) DO UPDATE SET schema_version = excluded.schema_version`,
    [version],
  );
}
