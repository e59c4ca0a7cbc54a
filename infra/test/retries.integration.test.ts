import { joinToken, mergeTokens, parseToken, type Token } from '@dbsync/replication';
import { describe, expect, it } from 'vitest';
import { type SeededRandom, seededRandom } from '../src/chaos/seeded-random.ts';
import { killInTurn } from '../src/cluster/kill-in-turn.ts';
import type { ServiceProcess } from '../src/cluster/service-process.ts';
import { waitFor } from '../src/index.ts';
import { readReplicaFile } from '../src/judge/replica-file.ts';
import {
  judgeRetries,
  type QuietReplica,
  type RetryEvent,
  type SeenOrder,
} from '../src/judge/retry-judge.ts';
import { assertConverged, startTestCluster } from '../testing/index.ts';

const ORDERS = '/order-service/ada/orders';
const PATIENCE_MS = 60_000;
const BODIES = ['1', '2'];

interface Told {
  readonly status: number;
  readonly order: SeenOrder | undefined;
}

type OrderBody = { orderId: string; productId: string; quantity: number; createdAt: string };

const seenOf = ({ orderId, productId, quantity, createdAt }: OrderBody): SeenOrder => ({
  orderId,
  key: productId,
  body: String(quantity),
  createdAt,
});

/** A client that sends each order to several replicas at once, again and again, until one answers. */
class Client {
  readonly history: RetryEvent[] = [];
  readonly #urls: readonly string[];
  readonly #random: SeededRandom;
  #token: Token = new Map();

  constructor(urls: readonly string[], random: SeededRandom) {
    this.#urls = urls;
    this.#random = random;
  }

  async place(key: string, body: string): Promise<void> {
    await this.#untilTold(`an answer for ${key}`, async () => {
      const targets = this.#random.shuffle(this.#urls).slice(0, this.#random.between(1, this.#urls.length));
      const told = await Promise.all(
        targets.map(async (url) => {
          this.history.push({ kind: 'asked', key, body });
          const { status, order } = await place(url, { key, body }, (token) => this.#saw(token));
          if (order !== undefined) this.history.push({ kind: 'placed', ...order, key, body });
          if (status === 422) this.history.push({ kind: 'refused', key, body });
          return order !== undefined || status === 422;
        }),
      );
      return told.includes(true);
    });
  }

  async read(): Promise<void> {
    const headers: Record<string, string> =
      this.#token.size > 0 ? { 'consistency-token': joinToken(this.#token) } : {};
    await this.#untilTold('an answer to a read', async () => {
      const answer = await fetch(`${this.#random.pick(this.#urls)}${ORDERS}?limit=500`, {
        headers,
        signal: AbortSignal.timeout(5_000),
      }).catch(() => undefined);
      const orders = answer?.status === 200 ? ((await answer.json()) as OrderBody[]) : undefined;
      if (orders === undefined) return false;
      this.#saw(answer?.headers.get('consistency-token') ?? '');
      this.history.push({ kind: 'read', orders: orders.map(seenOf) });
      return true;
    });
  }

  async #untilTold(what: string, ask: () => Promise<boolean>): Promise<void> {
    const look = async () => ((await ask()) ? { found: true } : { missing: 'nobody answers' });
    await waitFor({ what, timeoutMs: PATIENCE_MS, intervalMs: 50, look });
  }

  #saw(token: string): void {
    if (token !== '') this.#token = mergeTokens(this.#token, parseToken(token));
  }
}

async function place(
  url: string,
  { key, body }: { key: string; body: string },
  saw: (token: string) => void = () => undefined,
): Promise<Told> {
  try {
    const answer = await fetch(`${url}${ORDERS}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ productId: key, quantity: Number(body), unitPrice: 1 }),
      signal: AbortSignal.timeout(5_000),
    });
    const said = (await answer.json()) as OrderBody;
    // A refusal has a token as well: that of the order it was refused for, which the next read then shows.
    saw(answer.headers.get('consistency-token') ?? '');
    if (answer.status !== 201) return { status: answer.status, order: undefined };
    return { status: 201, order: seenOf(said) };
  } catch {
    return { status: 0, order: undefined };
  }
}

async function quietReplica({ name, url, database }: ServiceProcess): Promise<QuietReplica> {
  const shown = (await (await fetch(`${url}${ORDERS}?limit=500`)).json()) as OrderBody[];
  const rows = await readReplicaFile(database, (contents) =>
    [...contents.rows].map(({ columns, origin, seq, isSuperseded }) => ({
      orderId: String(columns.order_id),
      key: String(columns.product_id),
      body: String(columns.quantity),
      createdAt: String(columns.created_at),
      origin,
      seq,
      isSuperseded,
    })),
  );
  return { name, rows, shown: shown.map(seenOf) };
}

describe('clients that repeat everything to several replicas at once, over Kafka, while replicas are killed', () => {
  it('get one order a key, see it everywhere at once, and are refused with another body', async () => {
    const test = await startTestCluster({ replicas: 3 });
    const { replicas } = test.cluster;
    const clients = Array.from({ length: 6 }, (_, n) => new Client(test.orderUrls, seededRandom(n)));
    const over = new AbortController();
    const random = seededRandom(99);
    const killing = killInTurn({
      replicas,
      random,
      nextMs: () => random.between(100, 600),
      backMs: PATIENCE_MS,
      over: over.signal,
    });
    const play = async (client: Client, n: number): Promise<void> => {
      const bodies = seededRandom(100 + n);
      for (let round = 0; round < 40; round += 1) {
        // All clients come to a key at about the same time.
        await client.place(`k${round}`, bodies.pick(BODIES));
        await client.read();
      }
    };
    let kills = 0;
    try {
      await Promise.all(clients.map(play));
    } finally {
      over.abort();
      kills = await killing;
    }
    await assertConverged(test.orderUrls);
    const quiet = await Promise.all(replicas.map(quietReplica));
    const after: RetryEvent[] = [];
    for (const { key } of quiet[0]?.shown ?? []) {
      for (const body of BODIES) {
        for (const url of test.orderUrls) {
          const { status, order } = await place(url, { key, body });
          if (order !== undefined) after.push({ kind: 'placed', ...order, key, body });
          else {
            expect(status).toBe(422);
            after.push({ kind: 'refused', key, body });
          }
        }
      }
    }
    const histories = new Map(clients.map(({ history }, n) => [`client ${n}`, history]));
    const superseded = quiet[0]?.rows.filter(({ isSuperseded }) => isSuperseded).length ?? 0;
    console.log(
      `retries over Kafka: ${kills} kills, ${quiet[0]?.shown.length} orders, ${superseded} superseded rows`,
    );
    expect(judgeRetries({ histories, replicas: quiet, after })).toEqual([]);
    expect(kills).toBeGreaterThan(0);
    expect(superseded).toBeGreaterThan(0);
    await test.stop();
  });
});
