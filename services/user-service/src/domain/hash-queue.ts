/**
 * Bounds how many passwords are hashed at once and how many may wait.
 *
 * A hash takes 19 MiB and tens of milliseconds of one of the few threads that SQLite needs as well, so
 * registrations must not take them all. Beyond the bounds the answer is "come back", not a longer line.
 */

/** Too many are waiting already; the client should come back. */
export class HashQueueFullError extends Error {
  constructor() {
    super('too many passwords wait to be hashed');
    this.name = 'HashQueueFullError';
  }
}

/** Runs tasks in order of arrival, a few at a time. */
export class HashQueue {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param options.maxRunning tasks at once, 2. @param options.maxWaiting tasks in line, 32. */
  constructor(options: { maxRunning?: number; maxWaiting?: number } = {}) {
    this.#maxRunning = options.maxRunning ?? 2;
    this.#maxWaiting = options.maxWaiting ?? 32;
  }

  /** Runs `task` when its turn comes. @throws HashQueueFullError at once when the line is full. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#maxRunning) this.#running += 1;
    else await this.#turn();
    try {
      return await task();
    } finally {
      // The place is handed over, not given back, so that nobody who comes later can slip in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) throw new HashQueueFullError();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
