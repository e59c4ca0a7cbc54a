import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Link } from '../../src/chaos/link.ts';
import { seededRandom } from '../../src/chaos/seeded-random.ts';
import { chooseFreePorts } from '../../src/process/ports.ts';

let server: Server;
let link: Link;
const clients: Socket[] = [];

/** A server that answers everything with the same bytes. */
beforeEach(async () => {
  const [targetPort = 0, port = 0] = await chooseFreePorts(2);
  server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  server.listen({ host: '127.0.0.1', port: targetPort });
  await once(server, 'listening');
  link = await Link.open({ port, targetPort });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await link.close();
  server.close();
});

function connect(): { socket: Socket; received: () => string; closed: () => boolean } {
  const socket = createConnection({ host: '127.0.0.1', port: link.port });
  clients.push(socket);
  let received = '';
  let isClosed = false;
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
  });
  socket
    .on('error', () => undefined)
    .on('close', () => {
      isClosed = true;
    });
  return { socket, received: () => received, closed: () => isClosed };
}

const until = (look: () => unknown) => expect.poll(look, { timeout: 10_000, interval: 10 });

describe('a link', () => {
  it('that is open passes everything on, both ways', async () => {
    const { socket, received } = connect();
    socket.write('hello');
    await until(received).toBe('hello');
    expect(link.counters.passedBytes).toBe(10);
  });

  it('that refuses cuts what there is and resets what comes', async () => {
    const before = connect();
    before.socket.write('x');
    await until(before.received).toBe('x');
    link.set({ kind: 'refusing' });
    await until(before.closed).toBe(true);
    const after = connect();
    await until(after.closed).toBe(true);
    expect(link.counters).toMatchObject({ cutConnections: 1, refusedConnections: 1 });
    link.set({ kind: 'open' });
    const again = connect();
    again.socket.write('y');
    await until(again.received).toBe('y');
  });

  it.each(['requests', 'answers', 'both'] as const)('that holds %s delivers them later', async (what) => {
    const { socket, received, closed } = connect();
    socket.write('1');
    await until(received).toBe('1');
    link.set({ kind: 'holding', what });
    socket.write('2');
    await until(() => link.counters.heldChunks).toBe(1);
    expect([received(), closed()]).toEqual(['1', false]);
    link.set({ kind: 'open' });
    await until(received).toBe('12');
  });

  it('that holds lets go of a connection that is over', async () => {
    const { socket, closed } = connect();
    link.set({ kind: 'holding', what: 'both' });
    socket.write('1');
    await until(() => link.counters.heldChunks).toBe(1);
    socket.destroy();
    await until(closed).toBe(true);
    link.set({ kind: 'refusing' });
    await until(() => link.counters.cutConnections).toBe(0);
  });

  it('that is slow counts what it delays, and passes it', async () => {
    link.set({ kind: 'slow', delayMs: 20 });
    const { socket, received } = connect();
    socket.write('late');
    await until(received).toBe('late');
    expect(link.counters.delayedChunks).toBe(2);
  });

  it('that flips changes one bit near a row, and only as often as it should', async () => {
    link.set({ kind: 'flipping', left: 1, random: seededRandom(4) });
    const { socket, received } = connect();
    const text = '{"order_id":"1","product_id":"tea","quantity":2}';
    socket.write('no row in this');
    await until(received).toBe('no row in this');
    socket.write(text);
    await until(() => received().length).toBe(14 + text.length);
    const bits = [...received().slice(14)].reduce((sum, character, index) => {
      const changed = (character.codePointAt(0) ?? 0) ^ (text.codePointAt(index) ?? 0);
      return sum + changed.toString(2).replaceAll('0', '').length;
    }, 0);
    expect(bits).toBe(1);
    socket.write(text);
    await until(() => received().endsWith(text)).toBe(true);
    expect(link.counters.flippedBits).toBe(1);
  });
});
