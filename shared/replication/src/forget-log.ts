/**
 * Forgetting the log: positions back to the start, stalls gone, nothing known to be published.
 *
 * The first step of a resync, in one transaction. Rows, links and the vector stay: only what this replica believes
 * about the log is forgotten, and is learned again by reading.
 */
import { keepAcknowledged } from './acknowledged-before.ts';
import type { Origins } from './origins.ts';
import { type Position, savePosition } from './positions.ts';
import type { Stall } from './stalls.ts';
import type { WriteUnit } from './writer.ts';

/** The unit that forgets; `lows` has the first offset of each partition that exists now. */
export function forgetLog(options: {
  topic: string;
  lows: ReadonlyMap<number, number>;
  origins: Origins;
  positions: Map<number, Position>;
  stalls: Map<string, Stall>;
}): WriteUnit<void> {
  const { topic, lows, origins, positions, stalls } = options;
  return {
    async write(connection) {
      await connection.run('DELETE FROM replication_stall WHERE topic = ?', [topic]);
      await connection.run('DELETE FROM replication_stall_place WHERE topic = ?', [topic]);
      await connection.run('DELETE FROM replication_position WHERE topic = ?', [topic]);
      await keepAcknowledged(connection);
      await connection.run('UPDATE replication_origin SET published = 0');
      for (const [partition, next] of lows) {
        await savePosition(connection, { topic, partition }, { next, bookmark: null });
      }
      return () => {
        stalls.clear();
        positions.clear();
        for (const [partition, next] of lows) positions.set(partition, { next, bookmark: null });
        for (const origin of origins.list()) origins.set({ ...origin, published: 0 });
      };
    },
  };
}
