/**
 * Load through the gateway: many clients that send everything again until they are told, and read what they were told.
 *
 * Recorded outside the cluster, like the load on replicas themselves; here an order is acknowledged sooner or later,
 * so what was refused on the way is counted beside it.
 */
import { KeyedClient, type KeyedClientOptions, type KnownOrder } from './keyed-client.ts';
import { countFailure, type LoadRecord, type PlacedOrder } from './order-load.ts';
import { pacing } from './pacing.ts';

/** What clients did besides placing each order once. */
export interface GatewayCounters {
  /** Own orders that were read back. */
  ownReads: number;
  /** Orders that were shown again to a client that had seen them. */
  readsAgain: number;
  /** Acknowledged orders sent again. */
  repeats: number;
  /** Orders whose client gave up: nobody knows whether they are there. */
  givenUp: number;
}

/** How to load. */
export interface GatewayLoadOptions
  extends Pick<KeyedClientOptions, 'gatewayUrl' | 'answerMs' | 'patienceMs' | 'onBroken'> {
  readonly clients: number;
  /** First part of product ids, which are the keys, too. */
  readonly name: string;
  /** Orders a second at most, over all clients. */
  readonly ratePerSecond: number;
  /** Ends the load. */
  readonly signal: AbortSignal;
  readonly onPlaced: (placed: PlacedOrder) => void;
  /** Filled while the load runs. */
  readonly record: LoadRecord;
  readonly counters: GatewayCounters;
}

/** Of how many orders one is read back, sent again, looked for by another client; of how many something seen is read. */
const every = { own: 8, repeat: 25, other: 12, seen: 10 } as const;

/** Nothing done yet. */
export function noGatewayCounters(): GatewayCounters {
  return { ownReads: 0, readsAgain: 0, repeats: 0, givenUp: 0 };
}

/** Runs until `signal` ends it; resolves when the last answer is here. */
export async function placeThroughGateway(options: GatewayLoadOptions): Promise<void> {
  const { record, counters, signal } = options;
  const itsTurn = pacing(options);
  let sent = 0;
  let latest: KnownOrder | undefined;
  const one = async (client: KeyedClient): Promise<void> => {
    const number = sent;
    sent += 1;
    const productId = `${options.name}-${number}`;
    const others = latest;
    record.attempted.add(productId);
    const placed = await client.place(productId);
    if (placed === undefined) {
      counters.givenUp += 1;
      return;
    }
    record.acknowledged.set(productId, placed.orderId);
    latest = placed;
    options.onPlaced(placed);
    if (number % every.own === 0 && (await client.readOwn(placed))) counters.ownReads += 1;
    if (number % every.seen === 0 && (await client.readSeen())) counters.readsAgain += 1;
    if (number % every.other === 0 && others !== undefined) await client.lookFor(others);
    if (number % every.repeat !== 0) return;
    await client.placeAgain(placed);
    counters.repeats += 1;
  };
  const run = async (index: number): Promise<void> => {
    const client = new KeyedClient({
      ...options,
      mode: index % 2 === 0 ? 'header' : 'cookie',
      onFailure: (what) => countFailure(record, what),
    });
    for (;;) {
      await itsTurn();
      if (signal.aborted) return;
      await one(client);
    }
  };
  await Promise.all(Array.from({ length: options.clients }, (_, index) => run(index)));
}
