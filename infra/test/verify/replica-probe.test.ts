import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { probeReplica } from '../../src/verify/replica-probe.ts';

let server: http.Server | undefined;
afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())));

/** A server that gives one answer to everything, and the paths that it was asked for. */
async function answering(answer: {
  status?: number;
  body: string;
  location?: string;
}): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  server = http.createServer((req, res) => {
    asked.push(req.url ?? '');
    res.writeHead(answer.status ?? 200, {
      'Content-Type': 'application/json',
      Connection: 'close',
      ...(answer.location === undefined ? {} : { Location: answer.location }),
    });
    res.end(answer.body);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const hex = 'ab'.repeat(32);
const status = {
  replicaId: 'order-1',
  state: 'live',
  digest: hex,
  rows: 3,
  unpublished: 0,
  lag: { records: null, ms: null },
  stalled: [],
  quarantined: 0,
  writable: true,
  logReachable: true,
};

describe('probeReplica', () => {
  it('reads what a replica says, and leaves what it does not know alone', async () => {
    const { url, asked } = await answering({ body: JSON.stringify({ ...status, later: 'more' }) });
    expect(await probeReplica(url).status()).toMatchObject(status);
    expect(asked).toEqual(['/replication/status']);
  });

  it('asks for one row by its place, and does not take another one for it', async () => {
    const event = { seq: 7, table: 'orders', chain: hex, value: 'e30=' };
    const { url, asked } = await answering({ body: JSON.stringify({ events: [event] }) });
    const probe = probeReplica(url);
    expect(await probe.change('order-1.A', 7)).toEqual(event);
    expect(await probe.change('order-1.A', 6)).toBeUndefined();
    expect(asked[0]).toBe('/replication/changes?origin=order-1.A&after=6&limit=1');
  });

  it.each([
    ['an error', { status: 503, body: '{}' }, /it answered 503/],
    ['no JSON', { body: '<html>' }, /cannot be asked/],
    ['JSON of somebody else', { body: '{"ok":true}' }, /it does not answer as a replica does/],
    ['a digest that is none', { body: JSON.stringify({ ...status, digest: 'equal' }) }, /does not answer as/],
    [
      'the way to somebody else',
      { status: 302, body: '', location: 'http://127.0.0.1:1/' },
      /cannot be asked/,
    ],
  ])('does not believe %s', async (_what, answer, message) => {
    const { url } = await answering(answer);
    await expect(probeReplica(url).status()).rejects.toThrow(message);
    await expect(probeReplica(url).status()).rejects.toMatchObject({ code: 'not-found' });
  });

  it('says who does not answer and why', async () => {
    const { url } = await answering({ body: '{}' });
    await new Promise<void>((resolve) => server?.close(() => resolve()));
    server = undefined;
    await expect(probeReplica(url).status()).rejects.toThrow(`${url} cannot be asked: ECONNREFUSED.`);
  });
});
