import { createServer, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { httpPeers } from '../src/peer.ts';
import { testChain } from '../testing/index.ts';

let server: Server | undefined;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

/** A peer whose snapshot never ends: a few bytes now and then. */
async function dripping(): Promise<string> {
  const dripped = createServer((_, res) => {
    const timer = setInterval(() => res.write('drop'), 5);
    res.on('close', () => clearInterval(timer));
  });
  server = dripped;
  await new Promise<void>((resolve) => dripped.listen(0, '127.0.0.1', resolve));
  const address = dripped.address();
  if (typeof address !== 'object' || !address) throw new Error('it does not listen');
  return `http://127.0.0.1:${address.port}`;
}

describe('the snapshot of a peer', () => {
  it('that never comes to an end is given up after its time, although something keeps arriving', async () => {
    const limits = { snapshotStallMs: 60_000, snapshotTotalMs: 200 };
    const peer = httpPeers({ chain: testChain, limits })(await dripping());
    let bytes = 0;
    const receive = async (): Promise<void> => {
      for await (const part of peer.snapshot()) bytes += part.byteLength;
    };
    await expect(receive()).rejects.toMatchObject({
      code: 'peer-failed',
      isRetryable: true,
      message: expect.stringContaining('not here after 200 ms'),
    });
    expect(bytes).toBeGreaterThan(0);
  });
});
