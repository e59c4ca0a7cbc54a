/**
 * Where statements of simulated replicas wait for their turn.
 *
 * `scheduled-sqlite.ts` stands in front of the library's SQLite file and asks here who a database file belongs to.
 * The gate of that life turns each statement into a task of the scheduler.
 */

import type { Database } from '../src/sqlite.ts';

/** The gate of one life of a replica. */
export interface StorageGate {
  /** Runs real work as a task of the life; never settles when the life ends before. */
  pass<T>(label: string, work: () => Promise<T>): Promise<T>;
  /** Something was opened that has to be closed when the life has ended; call what is returned when it was closed. */
  opened(storage: OpenedStorage): () => void;
}

/** Something open, without the scheduler in between. A database has a writer and a reader, a connection has none. */
export type OpenedStorage = Partial<Pick<Database, 'writer' | 'reader'>> & Pick<Database, 'close'>;

const gates = new Map<string, StorageGate>();
let ofOthers: StorageGate = { pass: (_, work) => work(), opened: () => () => undefined };

/** From now on files below `directory` belong to this gate. */
export function setGate(directory: string, gate: StorageGate): void {
  gates.set(directory, gate);
}

/** Forgets all gates: the history is over. */
export function removeGates(): void {
  gates.clear();
}

/** From now on what belongs to nobody, such as databases in memory, goes through this. */
export function setGateOfOthers(count: <T>(work: () => Promise<T>) => Promise<T>): void {
  ofOthers = { pass: (_, work) => count(work), opened: () => () => undefined };
}

/** The gate of a file. */
export function gateOf(file: string): StorageGate {
  for (const [directory, gate] of gates) if (file.startsWith(`${directory}/`)) return gate;
  return ofOthers;
}
