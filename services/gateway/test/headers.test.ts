import type { Request } from 'express';
import { describe, expect, it } from 'vitest';
import { answerHeaders, requestHeaders } from '../src/headers.ts';

/**
 * RFC 9110, section 7.6.1, and what older clients and HTTP/2 upgrades send. Written down here again, so that a name which
 * the gateway's list loses is missed.
 */
const ofOneConnection = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];
const named = { connection: 'close, X-Mine ,x-other', 'x-mine': '1', 'x-other': '2', 'x-kept': '3' };

function sent(headers: Record<string, string>): Record<string, string | string[]> {
  const named = { 'x-request-id': 'id-1', ...headers };
  return requestHeaders({ headers: named, socket: { remoteAddress: '10.0.0.9' } } as unknown as Request);
}

describe('headers to a service', () => {
  const ours = { 'x-request-id': 'id-1', 'x-forwarded-for': '10.0.0.9', 'x-forwarded-proto': 'http' };

  it.each(ofOneConnection)('have no %s of the client', (name) => {
    expect(sent({ [name]: 'x', accept: '*/*' })).toEqual({ accept: '*/*', ...ours });
  });

  it('have nothing that Connection names', () => {
    expect(sent(named)).toEqual({ 'x-kept': '3', ...ours });
  });

  it.each(['idempotency-key', 'write-concern', 'consistency-token'])(
    'are refused where Connection names %s: without it the request would be another one',
    (name) => {
      expect(() => sent({ connection: `close, ${name.toUpperCase()}`, [name]: 'x' })).toThrow(
        expect.objectContaining({ status: 400 }),
      );
    },
  );

  it.each(['for', 'host', 'proto', 'port', 'prefix', 'server', 'client-cert'])(
    'have no x-forwarded-%s of the client',
    (name) => {
      expect(sent({ [`x-forwarded-${name}`]: 'evil' })).toEqual(ours);
    },
  );
});

describe('headers of an answer', () => {
  it.each(ofOneConnection)('have no %s of the service', (name) => {
    expect(answerHeaders({ [name]: 'x', etag: '"1"' })).toEqual([['etag', '"1"']]);
  });

  it('have nothing that Connection names', () => {
    expect(answerHeaders(named)).toEqual([['x-kept', '3']]);
  });

  it('keep each value of a header that comes more than once', () => {
    expect(answerHeaders({ link: ['<a>', '<b>'], 'x-none': undefined })).toEqual([['link', ['<a>', '<b>']]]);
  });
});
