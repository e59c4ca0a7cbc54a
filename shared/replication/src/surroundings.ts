/**
 * What the library takes from the world: time, randomness, a logger, and observers of its steps.
 *
 * All of it comes in from outside, so that a seeded scheduler can run whole clusters step by step, and so that
 * a crash point is an observer handed in by a test instead of a switch that ships.
 */
import { randomBytes } from 'node:crypto';

/** Wall time is used for `createdAt` and origin names only; every wait and every lag uses the monotonic one. */
export interface Clock {
  /** Milliseconds since 1970, as the operating system believes. */
  now(): number;
  /** Milliseconds since some fixed moment; never goes back. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`; the returned function cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** A source of random bytes. */
export interface Random {
  bytes(size: number): Uint8Array;
}

/** The slice of a logger that the library needs; pino's loggers fit as they are. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The named moments of the write, publish, apply and snapshot paths, in the order in which they happen. */
export const steps = [
  'write:begun',
  'write:inserted',
  'write:before-commit',
  'write:after-commit',
  'publish:before-append',
  'publish:after-append',
  'apply:planned',
  'apply:rows-inserted',
  'apply:before-commit',
  'apply:after-commit',
  'snapshot:copied',
  'snapshot:described',
  'bootstrap:received',
  'bootstrap:before-commit',
  'bootstrap:after-commit',
] as const;

/** One named moment. */
export type Step = (typeof steps)[number];

/** Called at each named moment; what it throws or awaits happens right there. */
export type Observe = (step: Step) => void | Promise<void>;

/** Everything taken from the world, in one object. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly observe: Observe;
}

/** The real clock of this process. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** The operating system's cryptographic randomness. */
export const systemRandom: Random = { bytes: (size) => randomBytes(size) };

/** A logger that says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** The real world with the given logger: system clock, system randomness, nobody watching. */
export function realSurroundings(logger: Logger): Surroundings {
  return { clock: systemClock, random: systemRandom, logger, observe: () => undefined };
}
