/**
 * Rounds of write here, read there, through the gateway, while replicas lag and die.
 *
 *   cluster with a link a replica -> clients: place, read, read elsewhere -> lag and kills beside them -> quiet -> judge
 *
 * A client is never told which replicas there are. Lag is put on the links to Kafka, so that it is real; replicas are
 * killed with -9 and started again by the supervisor.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type ChaosGround, openGround } from '../chaos/chaos-ground.ts';
import { lookAt } from '../chaos/replica-look.ts';
import { seededRandom } from '../chaos/seeded-random.ts';
import { killInTurn } from '../cluster/kill-in-turn.ts';
import type { Environment } from '../cluster/service-environment.ts';
import { waitFor } from '../process/wait-for.ts';
import { SessionClient } from './session-client.ts';
import { type FinalOrder, judgeEnd, judgeSession, type SessionBreach } from './session-judge.ts';

/** What to run. */
export interface SessionRunOptions {
  /** An empty directory of the run's own. */
  readonly dataDir: string;
  readonly rounds: number;
  readonly clients: number;
  readonly seed: number;
  /** Largest lag put on a link, in milliseconds. */
  readonly maxLagMs: number;
  /** Time between two kills, in milliseconds; infinite: none. */
  readonly killEveryMs: number;
  readonly environment: Environment;
  readonly onLine: (line: string) => void;
  /** Told every five seconds how many rounds were begun. */
  readonly onProgress?: (rounds: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What came of it. */
export interface SessionRunReport {
  readonly breaches: readonly SessionBreach[];
  readonly rounds: number;
  readonly reads: number;
  readonly kills: number;
  readonly lagChanges: number;
  /** Answers that promised nothing, by method and status. */
  readonly failures: ReadonlyMap<string, number>;
  readonly longestToken: number;
  /** Longest time until a client had an answer that counts, in milliseconds. */
  readonly longestWaitMs: number;
  /** Times that the replicas alive at the end took the log for another one. None was made, so none is right. */
  readonly relinks: number;
  readonly seconds: number;
}

const LAG_CHANGES_EVERY_MS = 500;
const PROGRESS_EVERY_MS = 5000;
const READY_MS = 60_000;
const REPLICAS = 3;
/** Orders of one user; the next ones are another user's. The user-service shows a hundred, and all have to be judged. */
const ORDERS_A_USER = 90;

/** Runs and judges. @throws when the cluster does not start, or a client is not answered for a minute. */
export async function runSessions(options: SessionRunOptions): Promise<SessionRunReport> {
  const ground = await openGround({
    dataDir: options.dataDir,
    replicas: REPLICAS,
    environment: options.environment,
    onLine: ({ source, text }) => options.onLine(`${source} ${text}`),
    onReport: ({ message }) => options.onLine(`supervisor ${message}`),
    signal: options.signal,
  });
  try {
    return await runOn(ground, options);
  } finally {
    await ground.stop();
  }
}

async function runOn(ground: ChaosGround, options: SessionRunOptions): Promise<SessionRunReport> {
  const gatewayUrl = ground.cluster.gateway.url;
  const clients = Array.from(
    { length: options.clients },
    (_, n) =>
      new SessionClient({
        name: `client-${n}`,
        gatewayUrl,
        mode: n % 2 === 0 ? 'cookie' : 'header',
        hasKeys: true,
      }),
  );
  /** The user that each client orders for at present, and everybody so far. */
  const users = await Promise.all(clients.map((client) => client.register()));
  const all = [...users];
  const over = new AbortController();
  const lagging = lag(ground, options, over.signal);
  const killing = Number.isFinite(options.killEveryMs)
    ? killInTurn({
        replicas: ground.cluster.replicas,
        random: seededRandom(options.seed + 1),
        nextMs: () => options.killEveryMs,
        backMs: READY_MS,
        over: over.signal,
      })
    : 0;
  const begunMs = performance.now();
  let rounds = 0;
  const play = async (client: SessionClient, index: number): Promise<void> => {
    let own = users[index] ?? '';
    for (let placed = 0; rounds < options.rounds && !options.signal?.aborted; placed += 1) {
      const round = rounds;
      rounds += 1;
      if (placed > 0 && placed % ORDERS_A_USER === 0) {
        own = await client.register();
        users[index] = own;
        all.push(own);
      }
      const neighbour = users[(index + 1) % users.length] ?? '';
      await client.place(own, `round-${round}`);
      await client.read(own);
      if (round % 4 === 0) await client.readUser(own);
      await client.read(round % 2 === 0 ? neighbour : own);
    }
  };
  let lagChanges = 0;
  let kills = 0;
  const telling = setInterval(() => options.onProgress?.(rounds), PROGRESS_EVERY_MS);
  try {
    await Promise.all(clients.map(play));
  } finally {
    clearInterval(telling);
    over.abort();
    [lagChanges, kills] = await Promise.all([lagging, killing]);
  }
  const seconds = (performance.now() - begunMs) / 1000;
  const orders = await ordersAtTheEnd(ground, all, rounds);
  return {
    breaches: [
      ...clients.flatMap((client, n) => judgeSession(`client-${n}`, client.history)),
      ...judgeEnd(
        clients.map(({ history }) => history),
        orders,
      ),
    ],
    rounds,
    reads: clients.flatMap(({ history }) => history).filter(({ kind }) => kind === 'read').length,
    kills,
    lagChanges,
    failures: summed(clients),
    longestToken: Math.max(...clients.map(({ longestToken }) => longestToken)),
    longestWaitMs: Math.max(...clients.map(({ longestWaitMs }) => longestWaitMs)),
    relinks: await relinksOf(ground),
    seconds,
  };
}

/** Changes the lag of a replica every half second; takes all of it away at the end. Returns the number of changes. */
async function lag(ground: ChaosGround, options: SessionRunOptions, over: AbortSignal): Promise<number> {
  const random = seededRandom(options.seed);
  let changes = 0;
  while (!over.aborted && options.maxLagMs > 0) {
    const { name } = random.pick(ground.cluster.replicas);
    ground.links.get(name)?.set({ kind: 'slow', delayMs: random.between(0, options.maxLagMs) });
    changes += 1;
    await pause(LAG_CHANGES_EVERY_MS, undefined, { signal: over }).catch(() => undefined);
  }
  for (const link of ground.links.values()) link.set({ kind: 'open' });
  return changes;
}

/** Every replica's orders, once all of them show the same. */
async function ordersAtTheEnd(
  ground: ChaosGround,
  users: readonly string[],
  rounds: number,
): Promise<FinalOrder[]> {
  return waitFor({
    what: 'all replicas to show the same orders',
    timeoutMs: READY_MS,
    look: async () => {
      const asked = ground.cluster.replicas.map(({ url }) => allOrders(url, users));
      // Who was just started again does not answer yet.
      const lists = await Promise.all(asked).catch((error: unknown) => String(error));
      if (typeof lists === 'string') return { missing: lists };
      const [first = []] = lists;
      const isSame = lists.every((list) => JSON.stringify(list) === JSON.stringify(first));
      const isWhole = first.length >= rounds;
      return isSame && isWhole ? { found: first } : { missing: lists.map(({ length }) => length).join(', ') };
    },
  });
}

async function allOrders(url: string, users: readonly string[]): Promise<FinalOrder[]> {
  const lists: FinalOrder[] = [];
  for (const userId of users) {
    const answer = await fetch(`${url}/order-service/${userId}/orders?limit=500`);
    if (!answer.ok) throw new Error(`${url} answers ${answer.status}: ${await answer.text()}`);
    const orders = (await answer.json()) as { orderId: string; productId: string }[];
    lists.push(...orders.map(({ orderId, productId }) => ({ orderId, key: productId })));
  }
  return lists;
}

async function relinksOf(ground: ChaosGround): Promise<number> {
  let relinks = 0;
  for (const { name, url } of ground.cluster.replicas) {
    const look = await lookAt(url);
    if (!look) throw new Error(`${name} does not answer when it is asked for its status`);
    relinks += look.counters.relinks;
  }
  return relinks;
}

function summed(clients: readonly SessionClient[]): Map<string, number> {
  const sum = new Map<string, number>();
  for (const [failure, count] of clients.flatMap(({ failures }) => [...failures])) {
    sum.set(failure, (sum.get(failure) ?? 0) + count);
  }
  return sum;
}
