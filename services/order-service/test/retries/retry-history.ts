/**
 * One history that a seed decides: clients that repeat everything, on replicas that lag, die and start again.
 *
 *   plan -> clients and faults at once -> all is mended -> quiet -> every body of every key once more -> judge
 *
 * The seed decides what is done; how it interleaves is up to the machine, as it is in life.
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  type HeldOrder,
  judgeRetries,
  type QuietReplica,
  type RetryEvent,
  type SeededRandom,
  seededRandom,
} from '@dbsync/infra/testing';
import { MemoryBroker, waitUntil } from '@dbsync/replication/testing';
import { KeyUsedOtherwise } from '../../src/domain/idempotency-key.ts';
import type { Order } from '../../src/domain/order.ts';
import { Machine } from './machine.ts';
import { placeOn, RetryingClient, seenOf, userId } from './retrying-client.ts';

const CLIENTS = 4;
const OPERATIONS = 12;
const KEYS = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6'];
const BODIES = ['1', '2'];
const ROWS = `SELECT order_id, product_id, quantity, created_at, o.name AS origin, orders.seq, superseded
  FROM orders JOIN replication_origin o ON o.id = orders.origin`;

/** What came of a history. */
export interface RetryHistory {
  readonly breaches: ReturnType<typeof judgeRetries>;
  readonly counts: { placed: number; refused: number; read: number; unanswered: number };
  readonly superseded: number;
  readonly faults: number;
}

/** Plays and judges the history of a seed, in files below `root`. */
export async function playRetries(options: { seed: number; root: string }): Promise<RetryHistory> {
  const random = seededRandom(options.seed);
  const broker = new MemoryBroker();
  const machines = ['order-1', 'order-2', 'order-3'].map(
    (id) => new Machine({ id, broker, root: options.root }),
  );
  // Few milliseconds to choose from: many rows of one key are equal in time. Faults must not depend on how many asked.
  const times = seededRandom(options.seed * 10);
  const now = (): number => Date.UTC(2026, 0, 1) + times.between(0, 5);
  try {
    await Promise.all(machines.map((machine) => machine.start()));
    await untilReady(machines);
    const clients = Array.from(
      { length: CLIENTS },
      (_, n) => new RetryingClient({ machines, random: seededRandom(options.seed * 100 + n), now }),
    );
    const over = new AbortController();
    const faults = hurt({ machines, broker, random, over: over.signal });
    await Promise.all(clients.map((client, n) => play(client, seededRandom(options.seed * 1000 + n))));
    over.abort();
    const done = await faults;
    await mend(machines, broker);
    const replicas = await Promise.all(machines.map(quietReplica));
    const histories = new Map(clients.map(({ history }, n) => [`client ${n}`, history]));
    const after = await onceMore(machines, replicas[0]);
    const told = [...histories.values()].flat();
    const count = (kind: RetryEvent['kind']): number => told.filter((event) => event.kind === kind).length;
    return {
      breaches: [
        ...judgeRetries({ histories, replicas, after }),
        ...machines.flatMap(({ failures, id }) =>
          failures.map((error) => ({ kind: 'lost' as const, what: `${id} had to end: ${String(error)}` })),
        ),
      ],
      counts: {
        placed: count('placed'),
        refused: count('refused'),
        read: count('read'),
        unanswered: clients.reduce((sum, { unanswered }) => sum + unanswered, 0),
      },
      superseded: replicas[0]?.rows.filter(({ isSuperseded }) => isSuperseded).length ?? 0,
      faults: done,
    };
  } finally {
    await Promise.all(machines.map((machine) => machine.stop()));
  }
}

async function play(client: RetryingClient, random: SeededRandom): Promise<void> {
  for (let n = 0; n < OPERATIONS; n += 1) {
    if (random.fraction() < 0.6) await client.place(random.pick(KEYS), random.pick(BODIES));
    else await client.read();
  }
}

/** One fault after the other until it is over; each ends before the next begins. Returns their number. */
async function hurt(on: {
  machines: readonly Machine[];
  broker: MemoryBroker;
  random: SeededRandom;
  over: AbortSignal;
}): Promise<number> {
  const { machines, broker, random, over } = on;
  let faults = 0;
  while (!over.aborted) {
    const machine = random.pick(machines);
    const kind = random.pick(['cut', 'cut', 'kill', 'kill', 'restart', 'refuse', 'unheard', 'away'] as const);
    if (kind === 'cut') machine.life?.setCut(true);
    if (kind === 'refuse') broker.refuseAppends(random.between(1, 3));
    if (kind === 'unheard') broker.loseAcknowledgements(random.between(1, 3));
    if (kind === 'away') broker.setReachable(false);
    if (kind === 'kill') machine.die();
    if (kind === 'restart') await machine.end();
    await pause(random.between(0, 30));
    machine.life?.setCut(false);
    broker.setReachable(true);
    if (machine.life === undefined) await machine.start();
    faults += 1;
    await pause(random.between(0, 10));
  }
  return faults;
}

async function mend(machines: readonly Machine[], broker: MemoryBroker): Promise<void> {
  broker.setReachable(true);
  broker.refuseAppends(0);
  broker.loseAcknowledgements(0);
  for (const machine of machines) machine.life?.setCut(false);
  await untilReady(machines);
  await waitUntil('all replicas are equal', async () => {
    const all = await Promise.all(machines.map((machine) => machine.ask(({ replica }) => replica.status())));
    const isQuiet = all.every(({ unpublished, lag }) => unpublished === 0 && lag.records === 0);
    const isEqual = new Set(all.map(({ digest }) => digest)).size === 1;
    const text = all.map(({ replicaId, rows, unpublished, lag, state }) => ({
      replicaId,
      rows,
      unpublished,
      lag,
      state,
    }));
    return (isQuiet && isEqual) || JSON.stringify(text);
  });
}

async function untilReady(machines: readonly Machine[]): Promise<void> {
  await waitUntil('all replicas are ready', () => {
    const reasons = machines.flatMap(({ life }) => life?.replica.readiness().reasons ?? ['it is dead']);
    return reasons.length === 0 || reasons.join('; ');
  });
}

async function quietReplica(machine: Machine): Promise<QuietReplica> {
  return machine.ask(async ({ replica, store }) => {
    const rows = await replica.reads.all<Record<string, string | number>>(ROWS, []);
    const page = await store.list({ userId, after: undefined, limit: 500, token: undefined });
    return {
      name: machine.id,
      rows: rows.map(heldOf),
      shown: (JSON.parse(page.json) as Order[]).map(seenOf),
    };
  });
}

function heldOf(row: Record<string, string | number>): HeldOrder {
  return {
    orderId: String(row.order_id),
    key: String(row.product_id),
    body: String(row.quantity),
    createdAt: String(row.created_at),
    origin: String(row.origin),
    seq: Number(row.seq),
    isSuperseded: row.superseded === 1,
  };
}

/** Every body of every key that there is, to every replica. */
async function onceMore(
  machines: readonly Machine[],
  quiet: QuietReplica | undefined,
): Promise<RetryEvent[]> {
  const told: RetryEvent[] = [];
  for (const { key } of quiet?.shown ?? []) {
    for (const body of BODIES) {
      for (const machine of machines) {
        try {
          const { order } = await machine.ask((life) =>
            placeOn(life, { key, body, concern: 'log', now: Date.now }),
          );
          told.push({ kind: 'placed', ...seenOf(order), key, body });
        } catch (error) {
          if (!(error instanceof KeyUsedOtherwise)) throw error;
          told.push({ kind: 'refused', key, body });
        }
      }
    }
  }
  return told;
}
