/**
 * What a worker is told to do: a seed, or a plan that was made smaller.
 */
import type { Plan } from './plan.ts';

/** One history to run. */
export type WorkerJob = ({ readonly seed: string } | { readonly plan: Plan }) & {
  /** Prints everything that happens to standard error. */
  readonly isTraced?: boolean;
};
