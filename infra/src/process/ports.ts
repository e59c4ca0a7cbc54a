/**
 * TCP ports of the loopback interface: is one free, who has it, give me some that are.
 *
 * Ports that this package chooses lie below the range from which operating systems take the local ends of
 * outgoing connections, so that a connection cannot take one between the look and the bind. A process is not given the
 * same one again soon: what it was given first may not be bound yet.
 */
import { randomInt } from 'node:crypto';
import { createConnection, createServer } from 'node:net';
import { InfraError } from '../infra-error.ts';
import { waitFor } from './wait-for.ts';

/** `listening`: somebody answers there. `held`: nobody answers, but a bind fails (an outgoing connection, say). */
export type PortState = 'free' | 'listening' | 'held';

const loopback = '127.0.0.1';
const chosenRange = { from: 20_000, to: 32_000 } as const;

/** The ports that this process was given last. */
const given = new Set<number>();
const REMEMBERED_PORTS = 1000;

function remember(ports: readonly number[]): void {
  for (const port of ports) given.add(port);
  for (const oldest of given) {
    if (given.size <= REMEMBERED_PORTS) return;
    given.delete(oldest);
  }
}

/** A port that is wanted, for what, and which option would move it. */
export interface WantedPort {
  readonly port: number;
  readonly purpose: string;
  readonly option: string;
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen({ host: loopback, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: loopback, port });
    const settle = (isAnswering: boolean): void => {
      socket.destroy();
      resolve(isAnswering);
    };
    socket.setTimeout(500, () => settle(false));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}

/** Looks at one port of 127.0.0.1. */
export async function portState(port: number): Promise<PortState> {
  if (await canBind(port)) return 'free';
  return (await answers(port)) ? 'listening' : 'held';
}

/**
 * Makes sure that a port can be bound. A listener there is reported at once; a port merely held is waited for,
 * 5 s by default, as outgoing connections come and go.
 * @throws `port-taken`, naming the port and the option that changes it.
 */
export async function requireFreePort(
  wanted: WantedPort,
  { heldTimeoutMs = 5000, look = portState }: { heldTimeoutMs?: number; look?: typeof portState } = {},
): Promise<void> {
  const error = new InfraError({
    code: 'port-taken',
    message: `Port ${wanted.port} on ${loopback}, wanted for ${wanted.purpose}, is in use by another program.`,
    hint: `End that program, or take another port with ${wanted.option}.`,
  });
  await waitFor({
    what: `port ${wanted.port}`,
    timeoutMs: heldTimeoutMs,
    look: async () => {
      const state = await look(wanted.port);
      if (state === 'listening') throw error;
      return state === 'free' ? { found: true } : { missing: 'an outgoing connection holds it' };
    },
  }).catch((cause: unknown) => {
    throw cause === error ? error : new InfraError({ ...error, message: error.message, cause });
  });
}

/** Chooses `count` different ports that are free right now, outside the range of outgoing connections. */
export async function chooseFreePorts(count: number): Promise<number[]> {
  const chosen = new Set<number>();
  for (let attempt = 0; chosen.size < count; attempt += 1) {
    if (attempt > 1000) {
      throw new InfraError({
        code: 'port-taken',
        message: `No free ports between ${chosenRange.from} and ${chosenRange.to}.`,
        hint: 'End programs that listen there.',
      });
    }
    const port = randomInt(chosenRange.from, chosenRange.to);
    if (given.has(port)) continue;
    // Before the look: another call may choose meanwhile.
    remember([port]);
    if (await canBind(port)) chosen.add(port);
  }
  return [...chosen];
}

/** Chooses `count` free ports in a row and returns the first. For replicas, whose ports count upwards. */
export async function chooseFreePortRow(count: number): Promise<number> {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    const first = randomInt(chosenRange.from, chosenRange.to - count);
    const row = Array.from({ length: count }, (_, index) => first + index);
    if (row.some((port) => given.has(port))) continue;
    remember(row);
    if ((await Promise.all(row.map(canBind))).every(Boolean)) return first;
  }
  throw new InfraError({
    code: 'port-taken',
    message: `No ${count} free ports in a row between ${chosenRange.from} and ${chosenRange.to}.`,
    hint: 'End programs that listen there.',
  });
}
