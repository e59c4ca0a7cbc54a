import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type StoryOptions, tellStory } from '../../src/demo/story.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

type Answer = (url: string, body: string) => [status: number, body: unknown];

async function serve(answer: Answer): Promise<string> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const [status, value] = answer(`${request.method} ${request.url}`, body);
      response.writeHead(status).end(JSON.stringify(value));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Two stores behind a user-service that takes turns; `isOne` makes them one. */
async function fakeCluster(isOne: boolean) {
  const first: object[] = [];
  const stores = [first, isOne ? first : []];
  const urls = await Promise.all(
    stores.map((store) => serve((_, body) => [201, store.push(JSON.parse(body)) && {}])),
  );
  let turn = 0;
  const userUrl = await serve((request) => {
    if (request === 'POST /users') return [201, { userId: 'ada' }];
    turn += 1;
    return [200, { orders: stores[turn % 2] }];
  });
  let stops = 0;
  return {
    replicas: urls.map((url, index) => ({ name: `order-${index + 1}`, url })),
    userService: { url: userUrl },
    stop: async () => {
      stops += 1;
    },
    stops: () => stops,
  };
}

type FakeCluster = Awaited<ReturnType<typeof fakeCluster>>;

async function tell(
  replicates: { readonly isolated: boolean; readonly kafka: boolean },
  patienceMs = 20_000,
) {
  const clusters: FakeCluster[] = [];
  const lines: string[] = [];
  const startCluster = async (topology: 'isolated' | 'kafka') => {
    const cluster = await fakeCluster(replicates[topology]);
    clusters.push(cluster);
    return cluster as unknown as Awaited<ReturnType<StoryOptions['startCluster']>>;
  };
  const outcome = await tellStory({
    startCluster,
    print: (line) => lines.push(line.trim()),
    signal: AbortSignal.timeout(patienceMs),
  }).then(
    () => 'as told',
    (error: unknown) => (error as Error).message,
  );
  expect(clusters.every((cluster) => cluster.stops() === 1)).toBe(true);
  return { outcome, text: lines.join('\n') };
}

describe('the story', () => {
  it('shows two different answers without replication and equal ones with it', async () => {
    const { outcome, text } = await tell({ isolated: false, kafka: true });
    expect(outcome).toBe('as told');
    expect(text).toContain('POST product-4 -> order-2');
    expect(text).toContain('GET /users/{id} -> product-1, product-3, product-5');
    expect(text).toContain('GET /users/{id} -> product-2, product-4');
    const all = 'GET /users/{id} -> product-1, product-2, product-3, product-4, product-5\n';
    expect(text.endsWith('its own disk.')).toBe(true);
    expect(text).toContain(all + all);
  });

  it('is a failure when the problem does not show', async () => {
    const { outcome } = await tell({ isolated: true, kafka: true });
    expect(outcome).toMatch(/^The story did not come out as told: expected one answer with 1, 3, 5/);
  });

  it('is a failure when replication does not make the answers equal', async () => {
    const { outcome } = await tell({ isolated: false, kafka: false }, 300);
    expect(outcome).toMatch(/waiting for equal answers/);
  });
});
