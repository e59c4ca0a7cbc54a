/**
 * Retention, as a run plays it: the topic loses everything below its ends of one moment, and what that was is known.
 */
import type { Chain, RawTopic } from '@dbsync/replication/testing';
import type { CutRows } from '../judge/cut-rows.ts';
import { type GenuineEvent, genuineEvent } from '../judge/genuine-event.ts';

/**
 * Cuts the topic at its ends of now. The rows are read before that, up to these ends and no further: what replicas hold
 * tells nothing, as they also hold rows that were never published.
 */
export async function passOver(
  topic: Pick<RawTopic, 'offsets' | 'visitAll' | 'cutTo'>,
  { chain, cut }: { readonly chain: Chain; readonly cut: CutRows },
): Promise<void> {
  const ends = await topic.offsets();
  const endOf = new Map(ends.map(({ partition, end }) => [partition, end]));
  const taken: GenuineEvent[] = [];
  await topic.visitAll((record) => {
    const event =
      record.offset < (endOf.get(record.partition) ?? 0) ? genuineEvent(chain, record) : undefined;
    if (event !== undefined) taken.push(event);
    return undefined;
  });
  // Not before all is read: when that fails nothing is cut, and nothing is excused.
  for (const event of taken) cut.add(event);
  await topic.cutTo(ends);
}
