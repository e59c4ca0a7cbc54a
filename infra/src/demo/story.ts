/**
 * The story of this project: the same five orders, first without replication, then with it.
 *
 * Both halves are asserted. A demo in which the problem does not show, or does not go away, is a failure.
 */
import type { Cluster } from '../cluster/cluster.ts';
import type { Topology } from '../cluster/cluster-options.ts';
import { InfraError } from '../infra-error.ts';
import { waitFor } from '../process/wait-for.ts';
import { createUser, placeOrder, productsOf } from './shop.ts';

/** The two halves of the story; a shared database has no such story to tell. */
type StoryTopology = Exclude<Topology, 'shared-db'>;

/** What the story needs. */
export interface StoryOptions {
  /** Starts a cluster of two replicas with data of its own. */
  readonly startCluster: (
    topology: StoryTopology,
  ) => Promise<Pick<Cluster, 'replicas' | 'userService' | 'stop'>>;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

const products = [1, 2, 3, 4, 5].map((number) => `product-${number}`);
/** Posted in turn, so the first replica has the odd ones and the second the even ones. */
const halves = [
  products.filter((_, index) => index % 2 === 0),
  products.filter((_, index) => index % 2 === 1),
];
const equalTimeoutMs = 30_000;

/**
 * Tells it.
 * @throws `service-failed` when it does not come out as told.
 */
export async function tellStory(story: StoryOptions): Promise<void> {
  const { print } = story;
  print('Two order replicas, each with a database of its own. A user-service asks them in turn.');
  print('');
  print('1. Without replication');
  await withCluster(story, 'isolated', async (cluster) => {
    const userId = await orderInTurn(cluster, print);
    const answers = [await ask(cluster, userId, print), await ask(cluster, userId, print)];
    requireHalves(answers);
    print('   The same request, two answers: each replica knows only what was ordered there.');
  });
  print('');
  print('2. The same with replication over Kafka');
  await withCluster(story, 'kafka', async (cluster) => {
    const userId = await orderInTurn(cluster, print);
    const tookMs = await untilEqual(cluster, userId, story.signal);
    print(`   both replicas have all five after ${tookMs.toFixed(0)} ms`);
    const answers = [await ask(cluster, userId, print), await ask(cluster, userId, print)];
    requireAll(answers);
    print('   Whichever replica is asked, the answer is the same, and each reads it from its own disk.');
  });
}

type StoryCluster = Awaited<ReturnType<StoryOptions['startCluster']>>;

async function withCluster(
  story: StoryOptions,
  topology: StoryTopology,
  act: (cluster: StoryCluster) => Promise<void>,
): Promise<void> {
  const cluster = await story.startCluster(topology);
  try {
    await act(cluster);
  } finally {
    await cluster.stop();
  }
}

async function orderInTurn(cluster: StoryCluster, print: (line: string) => void): Promise<string> {
  const userId = await createUser(cluster.userService.url);
  print(`   POST /users -> Ada (${userId})`);
  for (const [index, productId] of products.entries()) {
    const replica = cluster.replicas[index % 2];
    if (replica === undefined) continue;
    await placeOrder(replica.url, { userId, productId });
    print(`   POST ${productId} -> ${replica.name}`);
  }
  return userId;
}

async function ask(
  cluster: StoryCluster,
  userId: string,
  print: (line: string) => void,
): Promise<readonly string[]> {
  const found = (await productsOf(cluster.userService.url, userId)) ?? [];
  print(`   GET /users/{id} -> ${found.join(', ') || 'no orders'}`);
  return found;
}

/** Waits until two questions in a row, which go to different replicas, show everything; resolves with the time. */
async function untilEqual(cluster: StoryCluster, userId: string, signal: AbortSignal): Promise<number> {
  const begun = performance.now();
  await waitFor({
    what: 'equal answers',
    timeoutMs: equalTimeoutMs,
    intervalMs: 20,
    signal,
    look: async () => {
      const { url } = cluster.userService;
      const answers = [await productsOf(url, userId), await productsOf(url, userId)];
      const shortest = Math.min(...answers.map((answer) => answer?.length ?? 0));
      return shortest === products.length
        ? { found: true }
        : { missing: `one answer has ${shortest} of 5 products` };
    },
  });
  return performance.now() - begun;
}

function requireHalves(answers: readonly (readonly string[])[]): void {
  const found = answers.map((answer) => answer.join()).sort();
  const expected = halves.map((half) => half.join()).sort();
  if (found.join(' | ') !== expected.join(' | '))
    throw otherwise('one answer with 1, 3, 5 and one with 2, 4', answers);
}

function requireAll(answers: readonly (readonly string[])[]): void {
  if (answers.some((answer) => answer.join() !== products.join()))
    throw otherwise('all five products, twice', answers);
}

function otherwise(expected: string, answers: readonly (readonly string[])[]): InfraError {
  return new InfraError({
    code: 'service-failed',
    message: `The story did not come out as told: expected ${expected}, got ${answers.map((answer) => `[${answer.join(', ')}]`).join(' and ')}.`,
    hint: 'The log lines of the services, above, may say why.',
  });
}
