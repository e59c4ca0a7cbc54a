import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { measureGatewayOverhead } from '../../src/bench/gateway-overhead.ts';

const closes: (() => void)[] = [];
afterEach(() => {
  for (const close of closes.splice(0)) close();
});

/** Measures a service that answers like that, in the place of both. */
async function measure(answer: RequestListener, answerMs?: number) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  closes.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const limits = answerMs === undefined ? {} : { answerMs };
  return measureGatewayOverhead({ replicaUrl: url, gatewayUrl: url, path: '/x', requests: 10, ...limits });
}

describe('the overhead of the gateway', () => {
  it('is the median of either way', async () => {
    const { directMs, gatewayMs } = await measure((_, response) => void response.end('[]'));
    expect(directMs).toBeGreaterThan(0);
    expect(gatewayMs).toBeGreaterThan(0);
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
