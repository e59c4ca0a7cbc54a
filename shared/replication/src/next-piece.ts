/**
 * The next piece of an origin to publish, within the bounds of one append: what this run wrote last from memory, all else
 * read back from the tables as events and verified. What is published from where is the publisher's to know.
 */
import type { BatchSize } from './batch-size.ts';
import type { Chain } from './chain.ts';
import { ReplicationError } from './errors.ts';
import type { History, StoredEvent } from './history.ts';
import type { Origin } from './origins.ts';
import type { OwnTail } from './own-tail.ts';
import type { Database } from './sqlite.ts';

/**
 * The events of `origin` behind `after`, in order, as many as the bounds allow, but one at least where there is one.
 * @throws `database-damaged` where a row is not what was written.
 */
export async function nextPiece(
  parts: { chain: Chain; history: History; reader: Database['reader']; ownTail: OwnTail },
  { origin, after, bounds }: { origin: Origin; after: number; bounds: BatchSize['bounds'] },
): Promise<StoredEvent[]> {
  const written = parts.ownTail.after(origin.name, { after, limit: bounds.rows });
  if (written.length > 0) return within(bounds.bytes, written);
  const { chain, history, reader } = parts;
  const range = { after, upTo: origin.seq, limit: bounds.rows };
  const events = await history.read(reader, origin, range);
  const damaged = events.find((event) => !chain.verify(event.chain, event.previous, event));
  if (damaged) throw notWhatItWas(damaged);
  return within(bounds.bytes, events);
}

/** As many as have at most `maxBytes` together, but one at least where there is one. */
function within(maxBytes: number, events: StoredEvent[]): StoredEvent[] {
  let bytes = 0;
  const fitting = events.findIndex((event) => {
    bytes += event.bytes.length;
    return bytes > maxBytes;
  });
  return fitting === -1 ? events : events.slice(0, Math.max(1, fitting));
}

/** Damage is never emitted: nobody could verify it, and it would be published for ever. */
function notWhatItWas({ origin, seq }: StoredEvent): ReplicationError {
  return new ReplicationError({
    code: 'database-damaged',
    message: `Row ${seq} of ${origin} does not hash to its link: it is not what was written.`,
    hint: 'The file was changed from outside or is damaged: keep it aside and rebuild the replica.',
  });
}
