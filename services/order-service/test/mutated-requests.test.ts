import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mutatedRequests } from './mutated-requests.ts';
import { INSIDE, jsonOf, list, place } from './order-requests.ts';
import { type RawAnswer, sendRaw } from './raw-request.ts';
import { untilEqual, untilStatus } from './replica-status.ts';
import { type RunningReplica, startReplica, stopEverything } from './running-service.ts';

const { MUTATED_REQUESTS = '5000', MUTATED_SEED = '20261124' } = process.env;
const SEED = Number(MUTATED_SEED);
/** More by `pnpm mutate`. */
const REQUESTS = Number(MUTATED_REQUESTS);
const CLIENTS = 16;

let replica: RunningReplica;

beforeAll(async () => {
  replica = await startReplica({ limits: { tokenWaitMs: 5, acknowledgeMs: 2000 } });
});
afterAll(stopEverything);

/** What is wrong with an answer, if anything. */
function complaint(answer: RawAnswer): string | undefined {
  const { status, headers, body } = answer;
  if (status >= 500 && status !== 503) return 'an error of ours';
  if (status === 503 && !headers.has('retry-after')) return '503 without Retry-After';
  if (headers.get('x-served-by') !== 'order-1') return 'nobody says that he served it';
  if (status >= 400 && headers.get('content-type') !== 'application/problem+json')
    return 'no problem details';
  if (status >= 400 && INSIDE.test(body)) return 'it tells about the inside';
  return undefined;
}

describe('mutated requests', () => {
  it('break nothing, and each gets an honest answer or none', { timeout: 1_800_000 }, async () => {
    const { order: first } = await place(replica.url, { userId: 'eve' });
    const requests = mutatedRequests({ seed: SEED, count: REQUESTS });
    const statuses = new Map<number, number>();
    const wrong: unknown[] = [];
    // By location: one request with an Idempotency-Key may be answered for several times.
    const accepted = new Set<string | undefined>();
    const client = async (): Promise<void> => {
      for (const { index, bytes } of requests) {
        const answer = await sendRaw(replica.port, bytes, { patienceMs: 100 });
        const status = answer?.status ?? 0;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 201) accepted.add(answer?.headers.get('location'));
        const what = answer && complaint(answer);
        if (what) wrong.push({ index, what, request: bytes.toString('latin1').slice(0, 300), answer });
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));

    const counts = Object.fromEntries([...statuses].sort(([a], [b]) => a - b));
    console.log(`mutated requests, seed ${SEED}: answers by status (0: none) ${JSON.stringify(counts)}`);
    expect(wrong.slice(0, 3)).toEqual([]);
    // The mutations are neither all refused nor all harmless, or they would prove nothing.
    for (const status of [200, 201, 400, 404, 405, 413, 415, 431, 503]) {
      expect(statuses.get(status) ?? 0, `answers of ${status}`).toBeGreaterThan(5);
    }

    expect(replica.failures).toEqual([]);
    expect((await list(replica.url, { userId: 'eve' })).orders).toEqual([first]);
    await place(replica.url, { userId: 'eve' });
    const { rows } = await untilStatus(
      replica.url,
      'all is published',
      ({ unpublished }) => unpublished === 0,
    );
    // An answer that the client did not wait for may still have stored its order.
    expect(rows).toBeGreaterThanOrEqual(accepted.size + 2);
    expect(rows).toBeLessThanOrEqual(accepted.size + 2 + (statuses.get(0) ?? 0));
    const deep = await jsonOf(fetch(`${replica.url}/replication/digest?deep=1`));
    expect(deep).toMatchObject({ problems: [], digest: deep.expected, rows });
    const other = await startReplica({ broker: replica.broker, replicaId: 'order-2' });
    await untilEqual([replica.url, other.url]);
  });

  it('are the same for the same seed', () => {
    const bytes = (seed: number): string[] =>
      [...mutatedRequests({ seed, count: 50 })].map((request) => request.bytes.toString('hex'));
    expect(bytes(7)).toEqual(bytes(7));
    expect(bytes(7)).not.toEqual(bytes(8));
  });
});
