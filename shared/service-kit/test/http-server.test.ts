import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createLogger, MAX_FORWARDED_HEADER_BYTES, resource, startHttpServer } from '../src/index.ts';
import { sendRaw, startApp, stopAll } from './running-app.ts';

afterEach(stopAll);

/** A route that answers when the test says so. */
function gate() {
  let open = (): void => undefined;
  let arrived = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const begun = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  return {
    open,
    begun,
    handler: async (_req: unknown, res: { json(body: unknown): unknown }) => {
      arrived();
      await opened;
      res.json({ whole: true });
    },
  };
}

async function connects(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('startHttpServer', () => {
  it('says where it listens', async () => {
    const { server } = await startApp();
    expect(server.port).toBeGreaterThan(0);
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
  });

  it('gives up on a port that stays in use and names it and the way out', async () => {
    const first = await startApp();
    const logger = createLogger({ name: 'test', level: 'silent' });
    const { app } = first;
    await expect(
      startHttpServer({ app, host: '127.0.0.1', port: first.server.port, logger, bindRetryMs: 150 }),
    ).rejects.toThrow(new RegExp(`port ${first.server.port} .*in use.*set PORT`));
  });

  it('takes a port that becomes free while it tries', async () => {
    const holder = net.createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const logger = createLogger({ name: 'test', level: 'silent' });
    const { app } = await startApp();
    const starting = startHttpServer({ app, host: '127.0.0.1', port, logger });
    holder.close();
    const server = await starting;
    expect(server.port).toBe(port);
    await server.stop({ deadlineMs: 1_000 });
  });

  it('answers what is not HTTP, and headers that are too large, as a problem with the headers of the service', async () => {
    const { server } = await startApp();
    const nonsense = await sendRaw(server.port, 'nonsense\r\n\r\n');
    expect(nonsense).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(nonsense).toContain('Content-Type: application/problem+json');
    expect(nonsense).toContain('X-Served-By: test-1');
    expect(JSON.parse(nonsense.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: 400, instance: '/' });

    const large = await sendRaw(server.port, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(large).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('takes larger headers where it stands behind a gateway, up to a bound that it names', async () => {
    const { server } = await startApp({ maxHeaderBytes: MAX_FORWARDED_HEADER_BYTES });
    const ask = (bytes: number): Promise<string> =>
      sendRaw(
        server.port,
        `GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ${'x'.repeat(bytes)}\r\n\r\n`,
      );
    expect(await ask(20_000)).toMatch(/^HTTP\/1\.1 200 /);
    const large = await ask(40_000);
    expect(large).toMatch(/^HTTP\/1\.1 431 /);
    expect(large).toContain(`larger than ${MAX_FORWARDED_HEADER_BYTES} bytes`);
  });
});

describe('stop', () => {
  it('finishes a begun request, closes its connection, and takes no new ones', async () => {
    const { open, begun, handler } = gate();
    const { server, url } = await startApp({ routes: (app) => resource(app, '/slow', { get: handler }) });
    const agent = new http.Agent({ keepAlive: true });
    const answered = new Promise<{
      status: number | undefined;
      connection: string | undefined;
      body: string;
    }>((resolve, reject) => {
      const request = http.get(`${url}/slow`, { agent }, (res) => {
        let body = '';
        res.on('data', (chunk) => {
          body += chunk;
        });
        res.on('end', () => resolve({ status: res.statusCode, connection: res.headers.connection, body }));
      });
      request.on('error', reject);
    });
    await begun;
    const stopped = server.stop({ deadlineMs: 5_000 });
    await expect.poll(() => connects(server.port)).toBe(false);
    open();
    expect(await answered).toEqual({ status: 200, connection: 'close', body: '{"whole":true}' });
    await stopped;
    agent.destroy();
  });

  it('closes connections that are idle or have never said anything', async () => {
    const { server, url } = await startApp();
    const agent = new http.Agent({ keepAlive: true });
    const request = http.get(`${url}/livez`, { agent });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    await once(response, 'end');
    const silent = net.connect(server.port, '127.0.0.1');
    await once(silent, 'connect');
    const startedAt = performance.now();
    await server.stop({ deadlineMs: 10_000 });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    agent.destroy();
    silent.destroy();
  });

  it('still answers a request that crosses the decision to stop on an idle connection', async () => {
    const { server } = await startApp();
    const socket = net.connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    const ask = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
    socket.write(ask);
    await once(socket, 'data');
    const stopped = server.stop({ deadlineMs: 5_000 });
    socket.write(ask);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 [\s\S]*Connection: close/);
    await stopped;
    socket.destroy();
  });

  it('still takes a new connection for a moment: whoever asks meanwhile hears that it ends', async () => {
    const { server, url } = await startApp();
    const silent = net.connect(server.port, '127.0.0.1');
    await once(silent, 'connect');
    const stopped = server.stop({ deadlineMs: 5_000 });
    const socket = net.connect(server.port, '127.0.0.1');
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 [\s\S]*Connection: close/);
    await stopped;
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
    for (const each of [socket, silent]) each.destroy();
  });

  it('still answers who had connected before listening ended, and asks only then', async () => {
    const listeners: net.Server[] = [];
    const { server, url } = await startApp({
      routes: (app) =>
        resource(app, '/listener', {
          get: (req, res) => {
            listeners.push((req.socket as net.Socket & { server: net.Server }).server);
            res.json({});
          },
        }),
    });
    await (await fetch(`${url}/listener`)).text();
    const socket = net.connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    const stopped = server.stop({ deadlineMs: 5_000 });
    while (listeners[0]?.listening) await turn();
    socket.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*Connection: close/);
    await stopped;
  });

  it('is not held up by those who come again and again', async () => {
    const { server, url } = await startApp();
    const comeAgain = async (): Promise<void> => {
      for (;;) {
        try {
          await (await fetch(`${url}/livez`, { headers: { Connection: 'close' } })).text();
        } catch {
          return;
        }
      }
    };
    const clients = Array.from({ length: 16 }, comeAgain);
    const startedAt = performance.now();
    await server.stop({ deadlineMs: 20_000 });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await Promise.all(clients);
  }, 30_000);

  it('cuts off what is left at the deadline and says how many', async () => {
    const { begun, handler } = gate();
    const { server, url, logLines } = await startApp({
      routes: (app) => resource(app, '/stuck', { get: handler }),
    });
    const answer = fetch(`${url}/stuck`).then(
      () => 'answered',
      () => 'cut off',
    );
    await begun;
    const first = server.stop({ deadlineMs: 100 });
    expect(server.stop({ deadlineMs: 100 })).toBe(first);
    await first;
    expect(await answer).toBe('cut off');
    expect(JSON.parse(logLines[0] ?? '')).toMatchObject({ level: 'warn', connections: 1 });
  });
});
