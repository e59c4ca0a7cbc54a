/**
 * What a worker is told to do: a seed, or a plan that was made smaller.
 */
import type { SqliteClient } from '../src/sqlite-driver.ts';
import type { Plan } from './plan.ts';

/** One history to run. */
export type WorkerJob = ({ readonly seed: string } | { readonly plan: Plan }) & {
  /** Prints everything that happens to standard error. */
  readonly isTraced?: boolean;
  /** Default `better-sqlite3`, which is several times faster here; a history is the same with both. */
  readonly sqliteClient?: SqliteClient;
};
