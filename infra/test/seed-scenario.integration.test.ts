import { describe, expect, it } from 'vitest';
import { assertConverged, startTestCluster, type TestCluster } from '../testing/index.ts';

/** One user, five orders in turn on two replicas; gives the products that two reads of the user then show. */
async function tellTheStory({ orderUrls, userUrl }: TestCluster, isReplicated: boolean): Promise<string[][]> {
  const json = { 'content-type': 'application/json' };
  const user = await fetch(`${userUrl}/user-service/users`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ email: 'ada@example.com', name: 'Ada', password: 'difference engine' }),
  });
  const { userId } = (await user.json()) as { userId: string };
  for (let number = 1; number <= 5; number += 1) {
    const placed = await fetch(`${orderUrls[(number - 1) % 2]}/order-service/${userId}/orders`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ productId: String(number), quantity: 1, unitPrice: 100 }),
    });
    expect(placed.status).toBe(201);
  }
  if (isReplicated) await assertConverged(orderUrls, 10_000);
  const reads: string[][] = [];
  for (let number = 0; number < 2; number += 1) {
    const answer = await fetch(`${userUrl}/user-service/users/${userId}`);
    const { orders } = (await answer.json()) as { orders: { productId: string }[] };
    reads.push(orders.map(({ productId }) => productId));
  }
  return reads;
}

describe('five orders on two replicas, read twice through the user-service', () => {
  it('give two different answers without replication', async () => {
    const isolated = await startTestCluster({ topology: 'isolated', hasFrontEnd: true });
    const reads = await tellTheStory(isolated, false);
    expect(reads.map((products) => products.join(',')).sort()).toEqual(['1,3,5', '2,4']);
    await isolated.stop();
  });

  it('give equal answers with it', async () => {
    const replicated = await startTestCluster({ hasFrontEnd: true });
    const reads = await tellTheStory(replicated, true);
    expect(reads).toEqual([
      ['1', '2', '3', '4', '5'],
      ['1', '2', '3', '4', '5'],
    ]);
    await replicated.stop();
  });
});
