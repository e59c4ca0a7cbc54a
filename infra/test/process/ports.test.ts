import { type AddressInfo, createConnection, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { chooseFreePortRow, chooseFreePorts, portState, requireFreePort } from '../../src/process/ports.ts';

const servers: Server[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done)))));

async function listen(): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe('ports', () => {
  it('that somebody listens on are reported by number, purpose and the option that moves them', async () => {
    const port = await listen();
    expect(await portState(port)).toBe('listening');
    await expect(requireFreePort({ port, purpose: 'order-2', option: '--order-port' })).rejects.toMatchObject(
      {
        code: 'port-taken',
        message: `Port ${port} on 127.0.0.1, wanted for order-2, is in use by another program.`,
        hint: expect.stringContaining('--order-port'),
      },
    );
  });

  it('that only an outgoing connection holds are waited for', async () => {
    const target = await listen();
    const connection = createConnection({ host: '127.0.0.1', port: target });
    await new Promise<void>((resolve) => connection.once('connect', resolve));
    const port = connection.localPort ?? 0;
    expect(await portState(port)).toBe('held');
    const freed = requireFreePort({ port, purpose: 'a test', option: '--port' });
    connection.resetAndDestroy();
    await freed;
    expect(await portState(port)).toBe('free');
  });

  it('that are held for too long are reported like a listener', async () => {
    const target = await listen();
    const connection = createConnection({ host: '127.0.0.1', port: target });
    await new Promise<void>((resolve) => connection.once('connect', resolve));
    const port = connection.localPort ?? 0;
    const wanted = { port, purpose: 'a test', option: '--port' };
    await expect(requireFreePort(wanted, 50)).rejects.toMatchObject({ code: 'port-taken' });
    connection.destroy();
  });

  it('are chosen below the range of outgoing connections, all different', async () => {
    const ports = await chooseFreePorts(5);
    expect(new Set(ports).size).toBe(5);
    expect(ports.every((port) => port >= 20_000 && port < 32_000)).toBe(true);
    const first = await chooseFreePortRow(3);
    expect(await Promise.all([first, first + 1, first + 2].map(portState))).toEqual(['free', 'free', 'free']);
  });
});
