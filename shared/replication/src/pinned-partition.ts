/**
 * The partition of an origin: chosen at its first append and pinned in the database, because a run's order is kept only
 * within one partition.
 */
import { createHash } from 'node:crypto';
import { type Origin, type Origins, savePartition } from './origins.ts';
import type { Writer } from './writer.ts';

/** The pinned partition; one is chosen and committed where there is none, or where it exists no more. */
export async function pinnedPartition(
  origin: Origin,
  { writer, origins, partitions }: { writer: Writer; origins: Origins; partitions: number },
): Promise<number> {
  if (origin.partition !== null && origin.partition < partitions) return origin.partition;
  const partition = createHash('sha256').update(origin.name).digest().readUInt32BE() % partitions;
  await writer.submit({
    write: async (connection) => {
      await savePartition(connection, { id: origin.id, partition });
      return () => origins.set({ ...(origins.get(origin.name) ?? origin), partition });
    },
  });
  return partition;
}
