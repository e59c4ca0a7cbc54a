import { once } from 'node:events';
import type http from 'node:http';
import type { Readable } from 'node:stream';
import { Pool } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { exchange, isUnsent, type OrderRequest } from '../src/exchange.ts';
import { closeFakes, sendJson, startFakeReplica } from '../testing/index.ts';

const pools: Pool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.destroy()));
  await closeFakes();
});

const MEGABYTE = 1024 * 1024;
const get: OrderRequest = { method: 'GET', path: '/x', timeLimitMs: 5_000 };

async function replica(connections = 1) {
  const fake = await startFakeReplica('order-1');
  const pool = new Pool(fake.url, { connections, pipelining: 1 });
  pools.push(pool);
  const sockets = new Set<http.IncomingMessage['socket']>();
  const answers = (how: typeof fake.answer): void => {
    fake.answer = (req, res) => {
      sockets.add(req.socket);
      how(req, res);
    };
  };
  answers((_req, res) => sendJson(res, 200, []));
  return { pool, answers, sockets };
}

describe('an exchange', () => {
  it('uses its connection again', async () => {
    const { pool, sockets } = await replica();
    for (let n = 0; n < 20; n += 1) await exchange(pool, get);
    expect(sockets.size).toBe(1);
  });

  it('uses its connection again after a large answer that was read to its end', async () => {
    const { pool, answers, sockets } = await replica();
    answers((_req, res) => void res.end(Buffer.alloc(MEGABYTE)));
    for (let n = 0; n < 5; n += 1) {
      const body = (await exchange(pool, get)).body as Readable;
      let read = 0;
      for await (const chunk of body) read += (chunk as Buffer).length;
      expect(read).toBe(MEGABYTE);
    }
    expect(sockets.size).toBe(1);
  });

  it('is over in time although it still waits for a connection, and is then never sent', async () => {
    const { pool, answers } = await replica();
    const asked = Promise.withResolvers<() => void>();
    answers((_req, res) => asked.resolve(() => sendJson(res, 200, ['first'])));
    const first = exchange(pool, get);
    const release = await asked.promise;
    const paths: (string | undefined)[] = [];
    answers((req, res) => {
      paths.push(req.url);
      sendJson(res, 200, []);
    });
    const waiting = exchange(pool, { ...get, path: '/late', timeLimitMs: 50 });
    const late = { message: 'no free connection within 50 ms', isQueued: true };
    await expect(waiting).rejects.toMatchObject(late);
    release();
    expect((await first).body.toString()).toBe('["first"]');
    await exchange(pool, { ...get, path: '/next' });
    expect(paths).toEqual(['/next']);
  });

  it('has nothing to say after an answer without a body', async () => {
    const { pool, answers } = await replica();
    answers((_req, res) => void res.writeHead(204).end());
    expect(await exchange(pool, get)).toMatchObject({ status: 204, body: Buffer.alloc(0), token: undefined });
  });

  it('takes no more of a large answer than is read of it', async () => {
    const { pool, answers } = await replica();
    let written = 0;
    answers((_req, res) => {
      const write = (): void => {
        while (written < 64 * MEGABYTE) {
          written += MEGABYTE;
          if (!res.write(Buffer.alloc(MEGABYTE))) return void res.once('drain', write);
        }
        res.end();
      };
      write();
    });
    const body = (await exchange(pool, get)).body as Readable;
    await once(body, 'readable');
    // What the buffers of two sockets take is far less than what there is.
    await expect.poll(() => isStill(() => written)).toBe(true);
    expect(written).toBeLessThan(32 * MEGABYTE);
    let read = 0;
    for await (const chunk of body) read += (chunk as Buffer).length;
    expect(read).toBe(64 * MEGABYTE);
  });

  it('lets go of the connection when nobody reads on', async () => {
    const { pool, answers, sockets } = await replica();
    answers((_req, res) => void res.writeHead(200).write(Buffer.alloc(MEGABYTE)));
    const body = (await exchange(pool, get)).body as Readable;
    const [socket] = sockets;
    const closed = new Promise((resolve) => socket?.once('close', resolve));
    body.destroy();
    await closed;
    answers((_req, res) => sendJson(res, 200, []));
    expect((await exchange(pool, get)).status).toBe(200);
  });
});

/** True when a value is the same a few turns of the event loop later. */
async function isStill(value: () => number): Promise<boolean> {
  const before = value();
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return value() === before;
}

describe('a request that failed', () => {
  const failure = (code: string, syscall: string) => Object.assign(new Error(code), { code, syscall });

  it('was not sent where there never was a connection, to none of the addresses of a name', () => {
    expect(isUnsent(failure('ECONNREFUSED', 'connect'))).toBe(true);
    expect(isUnsent(failure('EHOSTUNREACH', 'connect'))).toBe(true);
    expect(isUnsent(new AggregateError([failure('ECONNREFUSED', 'connect')]))).toBe(true);
  });

  it('may have been sent where the way was lost later', () => {
    expect(isUnsent(failure('ECONNRESET', 'read'))).toBe(false);
    expect(isUnsent(failure('EHOSTUNREACH', 'read'))).toBe(false);
    const errors = [failure('ECONNREFUSED', 'connect'), failure('ECONNRESET', 'read')];
    expect(isUnsent(new AggregateError(errors))).toBe(false);
  });
});
