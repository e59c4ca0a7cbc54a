/**
 * The twin watch: says once, in plain words, when a second process is found that runs with one replica id, and once
 * when it is gone.
 *
 * Twins harm nothing: each run is an origin of its own, and each reads the whole log. But they are a mistake of whoever
 * set them up (one id configured twice, a data directory copied), and reads by replica id reach only one of them.
 */
import type { Registry } from './registry.ts';
import type { Logger } from './surroundings.ts';

/** Watches a registry. */
export class TwinWatch {
  readonly #registry: Registry;
  readonly #logger: Logger;
  #known = new Set<string>();

  constructor({ registry, logger }: { registry: Registry; logger: Logger }) {
    this.#registry = registry;
    this.#logger = logger;
  }

  /** Looks; call it whenever something was heard. */
  look(): void {
    const twins = this.#registry.twins();
    for (const { replicaId, origins } of twins) {
      if (this.#known.has(replicaId)) continue;
      this.#logger.error(
        { replicaId, origins, hint: 'Give each its own REPLICA_ID and data directory, or end one of them.' },
        'two processes run with one replica id; nothing collides, and both hold every row',
      );
    }
    const now = new Set(twins.map(({ replicaId }) => replicaId));
    for (const replicaId of this.#known) {
      if (!now.has(replicaId))
        this.#logger.info({ replicaId }, 'one process runs with this replica id again');
    }
    this.#known = now;
  }
}
