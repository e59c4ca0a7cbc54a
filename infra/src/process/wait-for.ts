/**
 * Waiting for a condition, always with a deadline.
 *
 * Every wait of this package that is not an event goes through here: it asks again at a short interval, can be
 * called off, can say now and then what it waits for, and its error tells what the last look found.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { InfraError, type InfraErrorCode } from '../infra-error.ts';

/** What one look found: the value waited for, or in words what is still missing. */
export type Look<Value> = { readonly found: Value } | { readonly missing: string };

/** How to wait. */
export interface WaitOptions<Value> {
  /** What is waited for, as in "waiting for …". */
  readonly what: string;
  readonly timeoutMs: number;
  /** Time between two looks. Default: 100 ms. */
  readonly intervalMs?: number;
  /** Asked until it finds something. What it throws ends the wait. */
  readonly look: () => Promise<Look<Value>> | Look<Value>;
  /** Calls the wait off: it then throws `stopped`. */
  readonly signal?: AbortSignal | undefined;
  /** Called every `progressMs` (default 3 s) with a sentence on what is still missing. */
  readonly onProgress?: ((sentence: string) => void) | undefined;
  readonly progressMs?: number;
  /** Code of the error when time is up. Default: `service-failed`. */
  readonly code?: InfraErrorCode;
  /** Hint of the error when time is up. */
  readonly hint?: string;
}

/** Thrown when a start is called off by whoever asked for it. */
export function stoppedError(what: string): InfraError {
  return new InfraError({
    code: 'stopped',
    message: `Stopped while waiting for ${what}.`,
    hint: 'Start again.',
  });
}

/**
 * Waits until `look` finds something.
 * @throws `stopped` when called off; the given code when time is up, with what the last look missed.
 */
export async function waitFor<Value>(options: WaitOptions<Value>): Promise<Value> {
  const begun = performance.now();
  const progressMs = options.progressMs ?? 3000;
  let nextProgressMs = progressMs;
  for (;;) {
    if (options.signal?.aborted) throw stoppedError(options.what);
    const look = await options.look();
    if ('found' in look) return look.found;
    const elapsedMs = performance.now() - begun;
    if (elapsedMs >= options.timeoutMs) {
      throw new InfraError({
        code: options.code ?? 'service-failed',
        message: `Waited ${(elapsedMs / 1000).toFixed(1)} s for ${options.what}: ${look.missing}.`,
        hint: options.hint ?? 'Look at the log lines above; on a busy machine, try again.',
      });
    }
    if (elapsedMs >= nextProgressMs) {
      options.onProgress?.(`waiting for ${options.what}: ${look.missing}`);
      nextProgressMs += progressMs;
    }
    const restMs = Math.max(1, Math.min(options.intervalMs ?? 100, options.timeoutMs - elapsedMs));
    await pause(restMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
}
