/**
 * A balanced client over real small servers, with what a test does to them and reads off them.
 * All are stopped by `closeBalanced`, which test files call after each test.
 */
import { type BalancedAnswer, BalancedClient } from '../src/balanced-client.ts';
import type { KnownReplica } from '../src/known-replica.ts';
import { discoveryOf, knownReplica } from './fake-discovery.ts';
import { closeFakes, type FakeReplica, startFakeReplica } from './fake-replica.ts';

/** What a test may choose of a read. */
export interface ReadChoice {
  readonly token?: Map<string, number>;
  readonly timeLimitMs?: number;
}

/** What a test chooses of a write. */
export interface WriteChoice {
  readonly isRepeatable: boolean;
  readonly affinity?: string;
  readonly timeLimitMs?: number;
}

/** Replicas `order-1`, `order-2` ... and the client that asks them. */
export interface BalancedReplicas {
  /** Taken out of it, a replica is not known any more. */
  readonly fakes: FakeReplica[];
  readonly client: BalancedClient;
  /** What is known of a replica from now on, by its id, in place of a healthy one's. */
  readonly changes: Map<string, Partial<KnownReplica>>;
  /** Of each breaker that changed, in order, whether it is closed. */
  readonly breakers: readonly boolean[];
  get(options?: ReadChoice): Promise<BalancedAnswer>;
  post(options: WriteChoice): Promise<BalancedAnswer>;
  /** Reads so many times; says the numbers of the replicas that answered, as in `1212`. */
  served(times: number, options?: ReadChoice): Promise<string>;
  /** How the replica of this number answers from now on. */
  answer(n: number, how: FakeReplica['answer']): void;
  /** How often each was asked. */
  asked(): number[];
}

const clients: BalancedClient[] = [];

/** Starts so many. */
export async function startBalanced(count: number): Promise<BalancedReplicas> {
  const fakes: FakeReplica[] = [];
  for (let n = 1; n <= count; n += 1) fakes.push(await startFakeReplica(`order-${n}`));
  const changes = new Map<string, Partial<KnownReplica>>();
  const breakers: boolean[] = [];
  const client = new BalancedClient({
    discovery: discoveryOf(() => fakes.map((fake) => knownReplica(fake, changes.get(fake.replicaId)))),
    maxLagMs: 1_000,
    observer: {
      passedOver: () => undefined,
      breakerChanged: (_, isClosed) => void breakers.push(isClosed),
    },
  });
  clients.push(client);
  client.start();
  const get = (options: ReadChoice = {}): Promise<BalancedAnswer> =>
    client.request({
      method: 'GET',
      path: '/x',
      timeLimitMs: 5_000,
      isRepeatable: true,
      isWrite: false,
      ...options,
    });
  const post = (options: WriteChoice): Promise<BalancedAnswer> =>
    client.request({
      method: 'POST',
      path: '/x',
      timeLimitMs: 5_000,
      body: Buffer.from('b'),
      isWrite: true,
      ...options,
    });
  const served = async (times: number, options: ReadChoice = {}): Promise<string> => {
    const names: string[] = [];
    for (let n = 0; n < times; n += 1) names.push((await get(options)).replica.replicaId.slice(-1));
    return names.join('');
  };
  const answer = (n: number, how: FakeReplica['answer']): void => {
    const fake = fakes[n - 1];
    if (fake) fake.answer = how;
  };
  const asked = (): number[] => fakes.map(({ requests }) => requests.length);
  return { fakes, client, changes, breakers, get, post, served, answer, asked };
}

/** Stops all clients and replicas that were started. */
export async function closeBalanced(): Promise<void> {
  await Promise.all(clients.splice(0).map((client) => client.stop()));
  await closeFakes();
}
