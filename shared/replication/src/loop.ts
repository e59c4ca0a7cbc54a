/**
 * A loop: calls a step again and again, waits as long as the step says, and can be woken before that.
 *
 * The components own their steps; loops are the thin drivers around them. A seeded scheduler calls the same steps
 * without loops. `stop()` resolves when the step that runs has ended. A step that throws ends the loop and is
 * handed to `failed`: whatever a step can survive, it survives by itself.
 */
import type { Clock } from './surroundings.ts';

/** Milliseconds until the step wants to run again: 0 at once, Infinity when it waits to be woken. */
export type NextStep = number;

/** A driver for one step. */
export class Loop {
  readonly #clock: Clock;
  readonly #step: () => Promise<NextStep>;
  readonly #failed: (error: unknown) => void;
  #running: Promise<void> | undefined;
  #isStopping = false;
  #isWoken = false;
  #wake: () => void = () => undefined;

  constructor(options: { clock: Clock; step: () => Promise<NextStep>; failed: (error: unknown) => void }) {
    this.#clock = options.clock;
    this.#step = options.step;
    this.#failed = options.failed;
  }

  /** Begins; the first step runs soon. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Makes the next step run now, or once more when one is running. */
  wake(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Ends after the step that runs now. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isStopping) {
        this.#isWoken = false;
        const waitMs = await this.#step();
        if (waitMs > 0) await this.#pause(waitMs);
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #pause(waitMs: number): Promise<void> {
    if (this.#isWoken || this.#isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = Number.isFinite(waitMs) ? this.#clock.after(waitMs, resolve) : () => undefined;
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
