/**
 * The token of an answer to a read: what the answer was based on, so that a later one is never older.
 *
 * It names what this replica holds of every living run, and of the ended runs that began last those of which
 * somebody has not announced as much: a read elsewhere could miss that. Everybody holds the rest. Who fell silent
 * counts, too, unless he said goodbye: cut off from the log alone, he may still be asked. So it is as large as the
 * number of living replicas, and a few entries more for as long as somebody lacks the end of an ended run; never more
 * than `MAX_TOKEN_ENTRIES`.
 */
import type { Announcement } from './announcement.ts';
import { ReplicationError } from './errors.ts';
import { replicaOf, runOf } from './origin.ts';
import { type Origins, TOLD_ENDED } from './origins.ts';
import type { Registry } from './registry.ts';
import type { Clock } from './surroundings.ts';
import { MAX_TOKEN_ENTRIES, type Token } from './token.ts';

/** How long a commit that a read has seen may take to be known here, in milliseconds. */
const SETTLE_MS = 1000;

/** A row that an answer shows: the id of its origin in this database, and its seq. */
export interface ShownRow {
  readonly origin: number;
  readonly seq: number;
}

/** Makes tokens of reads. */
export class ReadTokens {
  readonly #options: { own: string; origins: Origins; registry: Registry; clock: Clock };
  #ended: { key: string; names: readonly string[] } = { key: '', names: [] };

  constructor(options: { own: string; origins: Origins; registry: Registry; clock: Clock }) {
    this.#options = options;
  }

  /**
   * The token of an answer that shows `rows` and was asked for with `given`; to be called after the read.
   * @throws `database-busy` when a commit that the read has seen does not become known here.
   */
  async after(rows: readonly ShownRow[], given: Token): Promise<Token> {
    await this.#settled(rows);
    const { origins, own, registry } = this.#options;
    const living = new Set([own, ...registry.liveOrigins()]);
    const token = new Map<string, number>();
    const add = (name: string): void => {
      const seq = origins.get(name)?.seq ?? 0;
      if (seq > 0 && token.size < MAX_TOKEN_ENTRIES) token.set(name, seq);
    };
    for (const name of living) add(name);
    const others = this.#others();
    for (const name of [...this.#latestEnded(living), ...given.keys()]) {
      if (!others || !this.#isWith(others, name)) add(name);
    }
    return token;
  }

  /**
   * Another connection may read a row before its commit has returned here, and the token must include the row. The
   * commit is over then, and its word is on the way.
   */
  async #settled(rows: readonly ShownRow[]): Promise<void> {
    const { clock, origins } = this.#options;
    const deadline = clock.monotonic() + SETTLE_MS;
    while (rows.some(({ origin, seq }) => (origins.byId(origin)?.seq ?? 0) < seq)) {
      if (clock.monotonic() > deadline) {
        throw new ReplicationError({
          code: 'database-busy',
          message: `A row was read whose commit did not return within ${SETTLE_MS} ms.`,
          hint: 'Try again.',
          isRetryable: true,
        });
      }
      await new Promise<void>((resolve) => clock.after(1, resolve));
    }
  }

  /** The word of every other replica that has not left; undefined while nobody is alive but this one, or not all are known. */
  #others(): readonly Announcement[] | undefined {
    const { own, registry } = this.#options;
    const hasCompany = registry.live().some(({ origin }) => origin !== own);
    if (!hasCompany || !registry.knowsEverybody) return undefined;
    const isOther = ({ origin }: Announcement): boolean => replicaOf(origin) !== replicaOf(own);
    return registry.latest().filter((one) => isOther(one) && one.state !== 'leaving');
  }

  /** True when each of them has announced as much of a run as is here; of its own run each has all. */
  #isWith(others: readonly Announcement[], name: string): boolean {
    const seq = this.#options.origins.get(name)?.seq ?? 0;
    return others.every(({ origin, ended, others: current }) => {
      return origin === name || (ended.latest[name] ?? current[name] ?? 0) >= seq;
    });
  }

  /** Ended runs can be many, so they are sorted only when there is another one. */
  #latestEnded(living: ReadonlySet<string>): readonly string[] {
    const { origins } = this.#options;
    const key = `${origins.size} ${[...living].join()}`;
    if (this.#ended.key !== key) {
      const ended = origins.names().filter((name) => !living.has(name));
      ended.sort((a, b) => (runOf(a) < runOf(b) ? 1 : -1));
      this.#ended = { key, names: ended.slice(0, TOLD_ENDED) };
    }
    return this.#ended.names;
  }
}
