/**
 * What a database holds at one instant, read past the library: what checkers compare with what they know.
 */
import { isReplicationError } from '../src/errors.ts';
import type { Connection } from '../src/sqlite.ts';

/** One origin as a database holds it. */
export interface HeldOrigin {
  readonly name: string;
  /** What the library believes to hold. */
  readonly seq: number;
  readonly published: number;
  readonly isMinted: boolean;
  /** Rows that are there, and the lowest and highest of them (0 where there is none). */
  readonly rows: number;
  readonly low: number;
  readonly high: number;
}

/** A committed state. */
export interface Holding {
  readonly origins: readonly HeldOrigin[];
  readonly positions: ReadonlyMap<number, number>;
  readonly stalled: ReadonlySet<string>;
  /** `partition:offset` of each. */
  readonly quarantined: ReadonlySet<string>;
}

/** A database in which nothing is. */
const NOTHING: Holding = { origins: [], positions: new Map(), stalled: new Set(), quarantined: new Set() };

/** Reads it. Nothing may be committed meanwhile. */
export async function holdingOf(reader: Pick<Connection, 'all'>): Promise<Holding> {
  try {
    const origins = await reader.all<{
      name: string;
      seq: number;
      published: number;
      minted: number;
      row_count: number;
      low: number;
      high: number;
    }>(
      `SELECT o.name, o.seq, o.published, o.minted, count(r.seq) AS row_count,
         ifnull(min(r.seq), 0) AS low, ifnull(max(r.seq), 0) AS high
       FROM replication_origin o LEFT JOIN (
         SELECT origin, seq FROM notes UNION ALL SELECT origin, seq FROM tags
         UNION ALL SELECT origin, seq FROM replication_hidden) r ON r.origin = o.id
       GROUP BY o.id ORDER BY o.id`,
    );
    const positions = await reader.all<{ partition: number; next: number }>(
      'SELECT partition, next FROM replication_position',
    );
    const stalls = await reader.all<{ origin: string }>('SELECT origin FROM replication_stall');
    const quarantined = await reader.all<{ partition: number; offset: number }>(
      'SELECT partition, "offset" FROM replication_quarantine',
    );
    return {
      origins: origins.map(({ row_count: rows, minted, ...origin }) => ({
        ...origin,
        rows,
        isMinted: minted === 1,
      })),
      positions: new Map(positions.map(({ partition, next }) => [partition, next])),
      stalled: new Set(stalls.map(({ origin }) => origin)),
      quarantined: new Set(quarantined.map(({ partition, offset }) => `${partition}:${offset}`)),
    };
  } catch (error) {
    // A crash during the very first start leaves a file without tables.
    if (isReplicationError(error, 'database-failed') && error.message.includes('no such table'))
      return NOTHING;
    throw error;
  }
}
