import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BenchGround } from '../../src/bench/bench-ground.ts';
import { atRate, type PacedLagAnswer } from '../../src/bench/lag.ts';

describe('a figure at a rate', () => {
  it('is what it is where the rate was reached', () => {
    expect(atRate(20, { perSecond: 990, bad: 0 }, 1000)).toBe(20);
  });

  it.each([
    { perSecond: 900, bad: 0 },
    { perSecond: 990, bad: 1 },
  ])('meets no goal where the load was another one: %j', (load) => {
    expect(atRate(20, load, 1000)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a load at a rate', () => {
  it('has not reached it with what is answered after its time', async () => {
    const waiting: ServerResponse[] = [];
    let isOver: NodeJS.Timeout | undefined;
    const answerAll = (): void => {
      for (const response of waiting.splice(0))
        response.writeHead(201, { 'content-type': 'application/json' }).end('{"orderId":"o"}');
    };
    // Nothing is answered before half a second without a request: then the load is over.
    const server = createServer((request, response) => {
      request.resume();
      waiting.push(response);
      clearTimeout(isOver);
      isOver = setTimeout(answerAll, 500);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const dataDir = mkdtempSync(join(tmpdir(), 'dbsync-bench-'));
    const ground = new BenchGround({
      dataDir,
      isQuick: true,
      environment: process.env,
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
    try {
      const answer = await ground.run<PacedLagAnswer>('pacedLag', {
        urls: [`http://127.0.0.1:${(server.address() as AddressInfo).port}`],
        perSecond: 100,
        seconds: 0.2,
        everyNth: Number.MAX_SAFE_INTEGER,
      });
      expect(answer.placed).toBeGreaterThan(1);
      expect(answer.perSecond).toBe(0);
    } finally {
      await ground.clear();
      rmSync(dataDir, { recursive: true, force: true });
      server.closeAllConnections();
      server.close();
    }
  });
});
