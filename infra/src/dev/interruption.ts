/**
 * How a long-running command is told to end: once in order, a second time at once.
 *
 * One Ctrl-C may arrive twice, from the terminal and forwarded by the package manager in between; a second one
 * counts only a little later, when a person has meant it.
 */

const sameInterruptMs = 250;

/** Collects requests to end. */
export class Interruption {
  readonly #stop = new AbortController();
  readonly #kill = new AbortController();
  readonly #now: () => number;
  #firstMs = 0;

  /** @param now a monotonic clock in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Aborted by the first request; `reason` says what it was. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** Aborted by the second. */
  get kill(): AbortSignal {
    return this.#kill.signal;
  }

  /** A request that a person may repeat: Ctrl-C or a signal. */
  interrupt(reason: string): void {
    if (!this.#stop.signal.aborted) {
      this.#firstMs = this.#now();
      this.#stop.abort(reason);
    } else if (this.#now() - this.#firstMs >= sameInterruptMs) {
      this.#kill.abort(reason);
    }
  }

  /** A request that never means "at once", however often it comes: a key, the end of the parent process. */
  end(reason: string): void {
    if (!this.#stop.signal.aborted) this.interrupt(reason);
  }
}

/** How the end of the parent is noticed. */
export interface ParentWatch {
  /** This process's parent, asked at each look. */
  readonly parentOf: () => number;
  /** Whether those between the parent and the package manager still live. */
  readonly isChainAlive: () => boolean;
  readonly onEnd: () => void;
}

/**
 * Calls back once when this process's parent, or a package manager above it, has ended: it looks twice a second.
 * Returns a function that ends the watch.
 */
export function watchParent(watch: ParentWatch): () => void {
  const parent = watch.parentOf();
  const timer = setInterval(() => {
    if (watch.parentOf() === parent && watch.isChainAlive()) return;
    clearInterval(timer);
    watch.onEnd();
  }, 500);
  timer.unref();
  return () => clearInterval(timer);
}
