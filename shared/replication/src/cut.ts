/**
 * A cut: retention has removed the start of some partitions of a log that is otherwise the one that was read before.
 *
 * Nothing of what was seen is forgotten; a position in what is gone moves to where its partition begins now. Rows that
 * were gone before they were read leave a hole, which peers fill. A bookmark that is still in the log has to prove, when
 * reading goes on, that it is the same one: where none is left, a log that was made anew might be taken for it.
 */
import type { PartitionOffsets } from './change-log.ts';
import { type Bookmark, type Position, readingStart, readUpTo, START, savePosition } from './positions.ts';
import type { WriteUnit } from './writer.ts';

/** True when all that does not fit is that retention has passed a position, and a bookmark is left to prove the log. */
export function isOnlyCut(
  positions: ReadonlyMap<number, Position>,
  offsets: readonly PartitionOffsets[],
): boolean {
  const places = offsets.map((one) => ({ ...one, position: positions.get(one.partition) ?? START }));
  const areAllThere = [...positions.keys()].every((known) =>
    places.some(({ partition }) => partition === known),
  );
  return (
    areAllThere &&
    places.every(({ end, position }) => end >= readUpTo(position)) &&
    places.some(({ low, position }) => low > readingStart(position)) &&
    places.some(({ low, position }) => isLeft(position.furthest ?? position.bookmark, low))
  );
}

/** The unit that moves positions out of what is gone; `lows` has the first offset of each partition. */
export function passCut(options: {
  topic: string;
  lows: ReadonlyMap<number, number>;
  positions: Map<number, Position>;
}): WriteUnit<void> {
  const { topic, lows, positions } = options;
  const moved = new Map<number, Position>();
  for (const [partition, low] of lows) {
    const position = positions.get(partition) ?? START;
    if (low > readingStart(position)) moved.set(partition, behind(position, low));
  }
  return {
    async write(connection) {
      for (const [partition, position] of moved) {
        // Not merely written over: a landmark that is gone would stay.
        await connection.run('DELETE FROM replication_position WHERE topic = ? AND partition = ?', [
          topic,
          partition,
        ]);
        await savePosition(connection, { topic, partition }, position);
      }
      return () => {
        for (const [partition, position] of moved) positions.set(partition, position);
      };
    },
  };
}

function behind({ next, landmark, furthest }: Position, low: number): Position {
  return {
    next: Math.max(next, low),
    bookmark: null,
    ...(isLeft(landmark, low) && { landmark }),
    ...(isLeft(furthest, low) && { furthest }),
  };
}

function isLeft(bookmark: Bookmark | null | undefined, low: number): boolean {
  return bookmark !== null && bookmark !== undefined && bookmark.offset >= low;
}
