/**
 * Clocks for tests: one that stands still until it is advanced, and one that runs faster than the real one.
 */
import { type Clock, systemClock } from '../src/surroundings.ts';

interface Timer {
  readonly atMs: number;
  readonly order: number;
  run(): void;
}

/** A clock that a test moves by hand. Wall time can be set apart from the monotonic one. */
export class SimulatedClock implements Clock {
  #monotonicMs = 0;
  #wallMs = Date.parse('2026-01-02T03:04:05.678Z');
  #timers: Timer[] = [];
  #order = 0;

  now(): number {
    return this.#wallMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, run: () => void): () => void {
    this.#order += 1;
    const timer = { atMs: this.#monotonicMs + delayMs, order: this.#order, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** The wall clock jumps; the monotonic one does not notice. */
  jumpWall(byMs: number): void {
    this.#wallMs += byMs;
  }

  /** Lets time pass: everything that becomes due runs, in order. */
  advance(byMs: number): void {
    const until = this.#monotonicMs + byMs;
    for (let due = this.#due(until); due; due = this.#due(until)) {
      this.#timers = this.#timers.filter((one) => one !== due);
      this.#move(due.atMs);
      due.run();
    }
    this.#move(until);
  }

  #due(until: number): Timer | undefined {
    const [first] = this.#timers
      .filter(({ atMs }) => atMs <= until)
      .sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    return first;
  }

  #move(toMs: number): void {
    this.#wallMs += toMs - this.#monotonicMs;
    this.#monotonicMs = toMs;
  }
}

/** The real clock, with everything that waits waiting `factor` times less: whole replicas in little time. */
export function fastClock(factor: number): Clock {
  return {
    now: systemClock.now,
    monotonic: () => systemClock.monotonic() * factor,
    after: (delayMs, run) => systemClock.after(delayMs / factor, run),
  };
}
