/**
 * The bound on what a replica takes while the log is away: it accepts up to the high-water mark, then refuses, not
 * before; reads go on, and it accepts again when what it holds has been published.
 */
import { countFailure, emptyRecord, placeOrders } from '../load/order-load.ts';
import { waitFor } from '../process/wait-for.ts';
import { awayMode, withLinks } from './broker-faults.ts';
import type { WatchedGround } from './chaos-ground.ts';
import type { PlannedFault } from './fault-plan.ts';
import { notHeld } from './not-held.ts';
import { lookAt } from './replica-look.ts';
import { seededRandom } from './seeded-random.ts';

/** Rows without an acknowledgement of the log that a replica of a chaos run takes. */
export const maxUnpublished = 4000;

const clients = 32;
const fillTimeoutMs = 90_000;
const drainTimeoutMs = 90_000;
/** What was let in before the mark was reached and was still in the queue: an order for each client of any load. */
const underWay = 256;
const refused = '503 too-many-unpublished';

/** Fills one replica up to the mark while no replica reaches the broker. */
export async function reachHighWater(ground: WatchedGround, fault: PlannedFault): Promise<string> {
  const victim = seededRandom(fault.seed).pick(ground.cluster.replicas);
  return ground.claims.holding([victim.name, 'log'], async () => {
    const told = await withLinks([...ground.links.values()], awayMode(fault), async () => {
      const taken = await fill(ground, { url: victim.url, name: `${fault.kind}-${fault.number}` });
      // Not what it says to be unpublished: rows that the log has acknowledged and a deleted topic took are in there, too.
      if (taken > maxUnpublished + underWay)
        ground.violations.add('I9', 'high water', `${victim.name} took ${taken} orders`);
      const look = await lookAt(victim.url);
      if (look === null) throw notHeld(`${victim.name} does not say how it stands`);
      // The log cannot have taken any since: it is away until this is over.
      if (look.unpublished < maxUnpublished)
        ground.violations.add(
          'I9',
          'high water',
          `${victim.name} refused at ${look.unpublished} unpublished rows`,
        );
      if (look.writable) ground.violations.add('I9', 'high water', `${victim.name} says that it is writable`);
      return `${victim.name} refused orders after ${taken} more, with ${look.unpublished} rows unpublished`;
    });
    const begunMs = performance.now();
    await untilWritable(ground, victim);
    return `${told}, and took them again ${((performance.now() - begunMs) / 1000).toFixed(1)} s after the broker was back`;
  });
}

/** Places orders on one replica until it refuses them for this reason; reads are answered then, too. Resolves with
 * how many it took. */
async function fill(
  { probes, violations }: WatchedGround,
  { url, name }: { readonly url: string; readonly name: string },
): Promise<number> {
  const enough = new AbortController();
  const record = emptyRecord();
  const placing = placeOrders({
    urls: () => [url],
    clients,
    name,
    count: maxUnpublished * 3,
    signal: enough.signal,
    record,
  });
  try {
    await waitFor({
      what: `${url} to refuse orders`,
      timeoutMs: fillTimeoutMs,
      code: 'not-held',
      look: () =>
        record.failures.has(refused)
          ? { found: true }
          : { missing: `${record.acknowledged.size} accepted, ${JSON.stringify([...record.failures])}` },
    });
  } finally {
    enough.abort();
    await placing;
    for (const productId of record.attempted) probes.attempted.add(productId);
    for (const [productId, orderId] of record.acknowledged) probes.acknowledged.set(productId, orderId);
    for (const [what, count] of record.failures) countFailure(probes, what, count);
  }
  const answer = await fetch(`${url}/order-service/user-1/orders?limit=1`, {
    signal: AbortSignal.timeout(5000),
  });
  await answer.arrayBuffer();
  if (answer.status !== 200) violations.add('I9', 'high water', `a read was answered ${answer.status}`);
  return record.acknowledged.size;
}

async function untilWritable(
  { violations }: WatchedGround,
  { name, url }: { readonly name: string; readonly url: string },
): Promise<void> {
  try {
    await waitFor({
      what: `${name} to take orders again`,
      timeoutMs: drainTimeoutMs,
      look: async () => {
        const look = await lookAt(url);
        return look?.writable ? { found: true } : { missing: `${look?.unpublished} rows are unpublished` };
      },
    });
  } catch (error) {
    violations.add('I9', 'high water', String(error));
    throw error;
  }
}
