import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { measureGatewayOverhead } from '../../src/bench/gateway-overhead.ts';

const closes: (() => void)[] = [];
afterEach(() => {
  for (const close of closes.splice(0)) close();
});

/** The address of a service that answers like that. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  closes.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Measures a service that answers like that, in the place of both. */
async function measure(answer: RequestListener, answerMs?: number) {
  const url = await serve(answer);
  const limits = answerMs === undefined ? {} : { answerMs };
  return measureGatewayOverhead({ replicaUrls: [url], gatewayUrl: url, path: '/x', requests: 10, ...limits });
}

describe('the overhead of the gateway', () => {
  it('is the median of either way', async () => {
    const { directMs, gatewayMs } = await measure((_, response) => void response.end('[]'));
    expect(directMs).toBeGreaterThan(0);
    expect(gatewayMs).toBeGreaterThan(0);
  });

  it('is held against each replica in its turn', async () => {
    const asked = { first: 0, second: 0 };
    const count =
      (name: keyof typeof asked): RequestListener =>
      (_, response) => {
        asked[name] += 1;
        response.end('[]');
      };
    const replicaUrls = [await serve(count('first')), await serve(count('second'))];
    const gatewayUrl = await serve((_, response) => void response.end('[]'));
    await measureGatewayOverhead({ replicaUrls, gatewayUrl, path: '/x', requests: 10 });
    // Ten that count, and one that warms up.
    expect(asked).toEqual({ first: 6, second: 5 });
  });

  it('is not measured by answers that are no orders', async () => {
    await expect(measure((_, response) => void response.writeHead(503).end())).rejects.toThrow(
      'answered 503',
    );
  });

  it('is not waited for without an end', async () => {
    await expect(measure(() => undefined, 100)).rejects.toThrow('did not answer in time');
  });
});
