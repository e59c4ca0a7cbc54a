import { type AddressInfo, createConnection, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  chooseFreePortRow,
  chooseFreePorts,
  type PortState,
  portState,
  requireFreePort,
} from '../../src/process/ports.ts';

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

  it('that only an outgoing connection holds are told from those that somebody listens on', async () => {
    const target = await listen();
    const connection = createConnection({ host: '127.0.0.1', port: target });
    await new Promise<void>((resolve) => connection.once('connect', resolve));
    expect(await portState(connection.localPort ?? 0)).toBe('held');
    connection.destroy();
  });

  it('that are held are waited for, and reported like a listener when that takes too long', async () => {
    const wanted = { port: 4711, purpose: 'a test', option: '--port' };
    const states: PortState[] = ['held', 'held', 'free'];
    await requireFreePort(wanted, { look: async () => states.shift() ?? 'listening' });
    expect(states).toEqual([]);
    await expect(
      requireFreePort(wanted, { heldTimeoutMs: 50, look: async () => 'held' }),
    ).rejects.toMatchObject({ code: 'port-taken' });
  });

  it('are chosen below the range of outgoing connections, all different', async () => {
    const ports = await chooseFreePorts(5);
    expect(new Set(ports).size).toBe(5);
    expect(ports.every((port) => port >= 20_000 && port < 32_000)).toBe(true);
    const first = await chooseFreePortRow(3);
    expect(await Promise.all([first, first + 1, first + 2].map(portState))).toEqual(['free', 'free', 'free']);
  });

  it('are not given twice while the first to ask may not have bound them', async () => {
    const given: number[] = [];
    for (let round = 0; round < 12; round += 1) {
      given.push(...(await Promise.all([chooseFreePorts(15), chooseFreePorts(15)])).flat());
      const first = await chooseFreePortRow(10);
      given.push(...Array.from({ length: 10 }, (_, index) => first + index));
    }
    expect(new Set(given).size).toBe(given.length);
  });
});
