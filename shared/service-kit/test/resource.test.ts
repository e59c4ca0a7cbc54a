import { afterEach, describe, expect, it } from 'vitest';
import { resource } from '../src/index.ts';
import { startApp, stopAll } from './running-app.ts';

afterEach(stopAll);

const startThings = () =>
  startApp({
    routes: (app) =>
      resource(app, ['/kit/things', '/things'], {
        get: (_req, res) => void res.json([]),
        post: [(_req, _res, next) => next(), (_req, res) => void res.status(201).json({})],
      }),
  });

describe('resource', () => {
  it('answers the methods it has, under each of its paths', async () => {
    const { url } = await startThings();
    for (const path of ['/kit/things', '/things']) {
      expect((await fetch(url + path)).status).toBe(200);
      expect((await fetch(url + path, { method: 'POST' })).status).toBe(201);
      expect((await fetch(url + path, { method: 'HEAD' })).status).toBe(200);
    }
  });

  it('answers other methods with 405 and Allow', async () => {
    const { url } = await startThings();
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      const answer = await fetch(`${url}/things`, { method });
      expect(answer.status, method).toBe(405);
      expect(answer.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
      expect(await answer.json()).toMatchObject({
        status: 405,
        title: 'Method Not Allowed',
        instance: '/things',
      });
    }
  });

  it('answers OPTIONS with 204 and Allow', async () => {
    const { url } = await startThings();
    const answer = await fetch(`${url}/things`, { method: 'OPTIONS' });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
  });

  it('does not offer HEAD where there is no GET', async () => {
    const { url } = await startApp({
      routes: (app) => resource(app, '/only-post', { post: (_req, res) => void res.json({}) }),
    });
    const answer = await fetch(`${url}/only-post`, { method: 'HEAD' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST, OPTIONS');
  });
});
