import { afterEach, describe, expect, it } from 'vitest';
import { Problem, resource } from '../src/index.ts';
import { sendRaw, startApp, stopAll } from './running-app.ts';

afterEach(stopAll);

describe('every answer', () => {
  it('carries the fixed headers and no trace of express', async () => {
    const { url } = await startApp();
    for (const path of ['/livez', '/nowhere']) {
      const answer = await fetch(url + path);
      expect(answer.headers.get('x-served-by')).toBe('test-1');
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('x-powered-by')).toBeNull();
      expect(answer.headers.get('etag')).toBeNull();
    }
  });
});

describe('operation routes', () => {
  it('answer that the process lives', async () => {
    const { url } = await startApp();
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it('answer whether traffic may come, with reasons when asked', async () => {
    let reasons: string[] = [];
    const { url } = await startApp({ readiness: () => ({ ready: reasons.length === 0, reasons }) });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${url}/readyz?verbose`)).json()).toEqual({ ready: true, reasons: [] });

    reasons = ['catching up'];
    const answer = await fetch(`${url}/readyz`);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    const verbose = await (await fetch(`${url}/readyz?verbose`)).json();
    expect(verbose).toMatchObject({ status: 503, ready: false, reasons: ['catching up'] });
  });

  it('say no as soon as the stop has begun', async () => {
    const { url, app } = await startApp();
    const { beginStopping } = await import('../src/index.ts');
    beginStopping(app);
    expect(await (await fetch(`${url}/readyz?verbose`)).json()).toMatchObject({
      ready: false,
      reasons: ['the service is stopping'],
    });
  });

  it('expose metrics named dbsync_, labelled with the route pattern and not with what clients make up', async () => {
    const { url } = await startApp({
      routes: (app) => resource(app, '/things/:id', { get: (_req, res) => void res.json({}) }),
    });
    await fetch(`${url}/things/4711`);
    await fetch(`${url}/made-up-by-a-client`);
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).toMatch(/dbsync_http_requests_total\{[^}]*route="\/things\/:id"[^}]*\} 1/);
    expect(text).toMatch(/dbsync_http_requests_total\{[^}]*route="none",status="404"[^}]*\} 1/);
    expect(text).not.toContain('4711');
    expect(text).not.toContain('made-up');
  });
});

describe('errors', () => {
  it('are problem details with type, title, status, detail and instance', async () => {
    const { url } = await startApp();
    const answer = await fetch(`${url}/nowhere?x=1`);
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'There is nothing at this address.',
      instance: '/nowhere',
    });
  });

  it('of the domain are translated by the service, with their headers', async () => {
    class TakenError extends Error {}
    const { url, logLines } = await startApp({
      routes: (app) =>
        resource(app, '/taken', {
          get: async () => {
            throw new TakenError('taken');
          },
        }),
      translateError: (error) =>
        error instanceof TakenError
          ? new Problem({ status: 409, detail: 'Taken.', headers: { 'Retry-After': '7' } })
          : undefined,
    });
    const answer = await fetch(`${url}/taken`);
    expect(answer.status).toBe(409);
    expect(answer.headers.get('retry-after')).toBe('7');
    expect(logLines).toEqual([]);
  });

  it('that nobody knows are a 500 without stack or message, logged once under the id the client gets', async () => {
    const { url, logLines } = await startApp({
      routes: (app) =>
        resource(app, '/broken', {
          get: () => {
            throw new Error('select secret from users');
          },
        }),
    });
    const answer = await fetch(`${url}/broken`);
    const body = await answer.text();
    expect(answer.status).toBe(500);
    expect(body).not.toContain('select');
    expect(body).not.toContain('.ts');
    const requestId = answer.headers.get('x-request-id') ?? 'none';
    expect(body).toContain(requestId);
    expect(logLines).toHaveLength(1);
    const entry = JSON.parse(logLines[0] ?? '');
    expect(entry).toMatchObject({ level: 'error', requestId, method: 'GET', path: '/broken' });
    expect(entry.err.stack).toContain('service-app.test.ts');
  });

  it('keep a well-formed request id of the client and replace a forged one', async () => {
    const { url } = await startApp({
      routes: (app) => resource(app, '/broken', { get: () => Promise.reject(new Error('x')) }),
    });
    const ask = async (id: string) =>
      (await fetch(`${url}/broken`, { headers: { 'X-Request-Id': id } })).headers.get('x-request-id');
    expect(await ask('abc-123')).toBe('abc-123');
    expect(await ask('a b"c')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('of percent-encoding are a 400', async () => {
    const { url } = await startApp({
      routes: (app) => resource(app, '/things/:id', { get: (_req, res) => void res.json({}) }),
    });
    for (const path of ['/things/%zz', '/things/%ff', '/things/%']) {
      const answer = await fetch(url + path);
      expect(answer.status, path).toBe(400);
      expect(await answer.json()).toMatchObject({ status: 400, instance: path });
    }
  });

  it('after the headers went out break the answer off instead of ending it as if it were whole', async () => {
    const { server, logLines } = await startApp({
      routes: (app) =>
        resource(app, '/half', {
          get: async (_req, res) => {
            res.write('first half');
            throw new Error('second half is missing');
          },
        }),
    });
    const answer = await sendRaw(server.port, 'GET /half HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(answer).not.toContain('0\r\n\r\n');
    expect(logLines).toHaveLength(1);
  });

  it('answer HEAD with the headers of GET and no body', async () => {
    const { url } = await startApp();
    const answer = await fetch(`${url}/nowhere`, { method: 'HEAD' });
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.text()).toBe('');
  });
});
