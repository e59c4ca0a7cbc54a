/**
 * Counters as evidence of a fault: only what they grew by since before it counts.
 *
 * A replica counts from the start of its run, so a number tells something only against an earlier one of the same run;
 * a run that began since counts from 0.
 */
import type { ReplicaLook } from './replica-look.ts';

/** What the counters said before a fault. */
export class Evidence {
  readonly #count: (look: ReplicaLook) => number;
  readonly #before = new Map<string, { readonly run: string; readonly count: number }>();

  /** `looks`: taken before the fault, null where a replica did not answer. */
  constructor(looks: readonly (ReplicaLook | null)[], count: (look: ReplicaLook) => number) {
    this.#count = count;
    for (const look of looks) if (look !== null) this.#keep(look);
  }

  /** True when this replica counted something since; its first look, when it was not seen before, proves nothing. */
  hasGrown(look: ReplicaLook): boolean {
    const before = this.#before.get(look.replicaId);
    if (before === undefined) {
      this.#keep(look);
      return false;
    }
    return this.#count(look) > (before.run === look.origin ? before.count : 0);
  }

  #keep(look: ReplicaLook): void {
    this.#before.set(look.replicaId, { run: look.origin, count: this.#count(look) });
  }
}
