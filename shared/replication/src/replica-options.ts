/**
 * What a service says when it opens a replica: names, file, tables, log, bounds.
 */
import type { AnnouncementChannel } from './announcement.ts';
import type { ChangeLog } from './change-log.ts';
import type { Limits } from './limits.ts';
import type { CallPeer } from './peer.ts';
import type { SqliteClient } from './sqlite-driver.ts';
import type { Surroundings } from './surroundings.ts';
import type { DatabaseDescription } from './table.ts';

/** How a replica is described. */
export interface ReplicaOptions {
  readonly replicaId: string;
  readonly cluster: string;
  readonly secret: string;
  /** SQLite file; its directory is created, locked and belongs to this replica alone. */
  readonly file: string;
  readonly description: DatabaseDescription;
  /** How others reach this replica's service. Read when a beat is sent. */
  readonly url: () => string;
  /** Absent: isolated, nothing leaves this replica. */
  readonly replication?: {
    readonly topic: string;
    readonly log: ChangeLog;
    readonly channel: AnnouncementChannel;
    /** How other replicas are asked. Default: over HTTP, at the URLs that they announce. */
    readonly callPeer?: CallPeer;
  };
  /** The SQLite driver of the whole process. Default: what it has already, `sqlite3` at first. */
  readonly sqliteClient?: SqliteClient;
  readonly limits?: { readonly [K in keyof Limits]?: Limits[K] | undefined };
  readonly world: Surroundings;
  /** Called once when only a restart can help (outcome unknown, fork, damage): end the process. */
  readonly failed: (error: unknown) => void;
}
