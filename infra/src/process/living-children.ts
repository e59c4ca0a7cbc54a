/**
 * Every child process of this one that is alive, whoever of this package has started it.
 *
 * For the moment in which nothing can be awaited any more (`process.on('exit')`, a second Ctrl-C): whatever state
 * the rest is in, nothing is left behind. All of them lead process groups of their own.
 */

const living = new Set<number>();

/** Enters a child; call in the turn of the event loop in which it was spawned. */
export function enterChild(pid: number): void {
  living.add(pid);
}

/** Strikes a child off, once its end is known. */
export function strikeChild(pid: number): void {
  living.delete(pid);
}

/** SIGKILL to every living child and what it has started. Synchronous; what is gone already does no harm. */
export function killLivingChildren(): void {
  for (const pid of living) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It ended, and its end is not yet known here.
    }
  }
}
