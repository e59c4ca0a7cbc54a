import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  type FieldProblem,
  jsonBody,
  MAX_BODY_BYTES,
  resource,
  validBody,
  validParameters,
} from '../src/index.ts';
import { startApp, stopAll } from './running-app.ts';

afterEach(stopAll);

const schema = z.strictObject({ productId: z.string(), quantity: z.int().min(1) });
const good = { productId: 'p1', quantity: 2 };

async function post(body: string | Buffer<ArrayBuffer> | undefined, headers: Record<string, string> = {}) {
  const { url } = await startApp({
    routes: (app) =>
      resource(app, '/orders', { post: [jsonBody, (req, res) => void res.json(validBody(schema, req))] }),
  });
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers } };
  const answer = await fetch(`${url}/orders`, body === undefined ? init : { ...init, body });
  const parsed = (await answer.json()) as { title?: string; errors?: FieldProblem[] };
  return { status: answer.status, headers: answer.headers, body: parsed };
}

describe('jsonBody', () => {
  it('hands a valid body on', async () => {
    expect(await post(JSON.stringify(good))).toMatchObject({ status: 200, body: good });
    const utf8 = { 'Content-Type': 'application/json; charset=UTF-8' };
    expect(await post(JSON.stringify(good), utf8)).toMatchObject({ status: 200 });
  });

  it('answers what is not JSON, not an object, empty or not UTF-8 with 400', async () => {
    for (const body of ['{', '{"a":1}x', '[]', '"text"', '1', 'null', '', Buffer.from([0x7b, 0xff, 0x7d])]) {
      const answer = await post(body);
      expect(answer.status, String(body)).toBe(400);
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
    }
    expect((await post(undefined)).status).toBe(400);
  });

  it('answers another content type, another charset or a compressed body with 415', async () => {
    for (const type of [
      'text/plain',
      'application/json; charset=utf-16',
      'application/jsonp',
      'application/ld+json',
      '',
    ]) {
      expect((await post(JSON.stringify(good), { 'Content-Type': type })).status, type).toBe(415);
    }
    expect((await post(gzipSync(JSON.stringify(good)), { 'Content-Encoding': 'gzip' })).status).toBe(415);
  });

  it('answers a request without body and content type with 415', async () => {
    const { url } = await startApp({
      routes: (app) => resource(app, '/orders', { post: [jsonBody, (_req, res) => void res.json({})] }),
    });
    expect((await fetch(`${url}/orders`, { method: 'POST' })).status).toBe(415);
  });

  it('takes exactly 16 KiB and answers one byte more with 413', async () => {
    const padded = (bytes: number) => JSON.stringify(good).padEnd(bytes, ' ');
    expect((await post(padded(MAX_BODY_BYTES))).status).toBe(200);
    expect(await post(padded(MAX_BODY_BYTES + 1))).toMatchObject({ status: 413, body: { status: 413 } });
    expect((await post(padded(1_000_000))).status).toBe(413);
  });
});

describe('validBody', () => {
  it('lists every field that is wrong', async () => {
    const answer = await post(JSON.stringify({ quantity: 0, colour: 'red' }));
    expect(answer.status).toBe(400);
    expect(answer.body.title).toBe('Invalid request');
    const paths = answer.body.errors?.map((error) => error.path).sort();
    expect(paths).toEqual(['colour', 'productId', 'quantity']);
  });

  it('refuses keys that aim at prototypes like any unknown field', async () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const answer = await post(`{"productId":"p1","quantity":2,"${key}":{"admin":true}}`);
      expect(answer.status, key).toBe(400);
      expect(answer.body.errors).toEqual([{ path: key, message: 'is not known here' }]);
    }
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it('bounds the list of errors and the names in it', async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`${n}`.padStart(100, 'x'), n]));
    const answer = await post(JSON.stringify({ ...good, ...many }));
    expect(answer.body.errors).toHaveLength(20);
    expect(answer.body.errors?.[0]?.path).toHaveLength(64);
  });
});

describe('validParameters', () => {
  it('refuses what does not fit with a 400 problem', () => {
    const parameters = z.strictObject({ userId: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/) });
    expect(validParameters(parameters, { userId: 'u-1' })).toEqual({ userId: 'u-1' });
    expect(() => validParameters(parameters, { userId: 'u 1' })).toThrow(
      expect.objectContaining({ status: 400, errors: [expect.objectContaining({ path: 'userId' })] }),
    );
  });
});
