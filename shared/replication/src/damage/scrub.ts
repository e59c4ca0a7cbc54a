/**
 * The scrub: goes over all rows again and again, slowly, and over SQLite's own structures, so that damage is found
 * while there is a peer to heal from.
 *
 *   waiting --pause over--> SQLite's check --> chains, page by page --> stray rows --clean--> waiting
 *                                 |                   |
 *                                 +--> damage         +--> a live peer contradicts: damage; nobody does: told, and on
 *
 * After each piece it rests so long that it takes its share of the time and no more. SQLite's check is one statement
 * that reads every page; it has a connection of its own, so nobody waits for it.
 */
import type { Chain } from '../chain.ts';
import { type DeepCheck, deepCheck } from '../deep-check.ts';
import { errorText, isReplicationError, ReplicationError } from '../errors.ts';
import type { History } from '../history.ts';
import type { NextStep } from '../loop.ts';
import type { Origins } from '../origins.ts';
import { type Database, openForReading } from '../sqlite.ts';
import type { Surroundings } from '../surroundings.ts';
import { findBrokenPages } from './integrity.ts';

/** What a status says about the scrub. */
export interface ScrubStatus {
  readonly state: 'off' | 'waiting' | 'running';
  /** Passes that were finished in this run. */
  readonly passes: number;
  /** Rows that the pass under way has recomputed. */
  readonly rows: number;
  /** When the last pass ended, and how long it took; null before the first one. */
  readonly lastPassAt: string | null;
  readonly lastPassMs: number | null;
  /** What the last pass found and no live peer contradicted. */
  readonly problems: DeepCheck['problems'];
}

/** How the scrub is put together. */
export interface ScrubOptions {
  readonly file: string;
  readonly reader: Database['reader'];
  readonly history: History;
  readonly origins: Origins;
  readonly chain: Chain;
  readonly world: Surroundings;
  /** Share of the time that it may take, in percent; 0: off. */
  readonly percent: number;
  /** Time from one pass to the next, in milliseconds. */
  readonly pauseMs: number;
  readonly isContradicted: (place: { origin: string; seq: number }) => Promise<boolean>;
}

/** Time before the first pass, so that a start is not slowed down, in milliseconds. */
const FIRST_MS = 5000;

/** Time to the next pass while something is wrong and no peer has said so yet, in milliseconds. */
const ASK_AGAIN_MS = 30_000;

/** Problems that are told. */
const MAX_TOLD = 10;

/** Longest rest after one piece, in milliseconds: so that a stop and a clock that jumped are noticed. */
const LONGEST_REST_MS = 60_000;

class Stopped extends Error {}

/** Looks for damage in the background. */
export class Scrub {
  readonly #options: ScrubOptions;
  #status: ScrubStatus;
  #isFirst = true;
  #isStopping = false;
  #endRest: () => void = () => undefined;

  constructor(options: ScrubOptions) {
    this.#options = options;
    const state = options.percent > 0 ? 'waiting' : 'off';
    this.#status = { state, passes: 0, rows: 0, lastPassAt: null, lastPassMs: null, problems: [] };
  }

  /** For operators. */
  get status(): ScrubStatus {
    return this.#status;
  }

  /** One pass. @throws `database-damaged`, which ends the process. */
  async step(): Promise<NextStep> {
    const { pauseMs, world } = this.#options;
    if (this.#status.state === 'off' || this.#isStopping) return Number.POSITIVE_INFINITY;
    if (this.#isFirst) {
      this.#isFirst = false;
      return FIRST_MS;
    }
    const begunAtMs = world.clock.monotonic();
    this.#status = { ...this.#status, state: 'running', rows: 0 };
    try {
      const problems = await this.#pass();
      const lastPassAt = new Date(world.clock.now()).toISOString();
      const lastPassMs = Math.round(world.clock.monotonic() - begunAtMs);
      this.#status = { ...this.#status, passes: this.#status.passes + 1, lastPassAt, lastPassMs, problems };
      return problems.length > 0 ? Math.min(pauseMs, ASK_AGAIN_MS) : pauseMs;
    } catch (error) {
      if (error instanceof Stopped) return Number.POSITIVE_INFINITY;
      if (!isReplicationError(error) || isReplicationError(error, 'database-damaged')) throw error;
      world.logger.warn({ error: errorText(error) }, 'a scrub was cut off; it begins again later');
      return pauseMs;
    } finally {
      this.#status = { ...this.#status, state: 'waiting' };
    }
  }

  /** Ends the pass that runs. */
  stop(): void {
    this.#isStopping = true;
    this.#endRest();
  }

  async #pass(): Promise<DeepCheck['problems']> {
    const { reader, history, origins, chain, world, isContradicted } = this.#options;
    await this.#timed(() => this.#askSqlite());
    let lastMs = world.clock.monotonic();
    const { problems } = await deepCheck({
      reader,
      history,
      origins,
      chain,
      pace: async (rows) => {
        this.#status = { ...this.#status, rows };
        await this.#rest(world.clock.monotonic() - lastMs);
        lastMs = world.clock.monotonic();
      },
    });
    for (const problem of problems) {
      if (await isContradicted(problem))
        throw damaged(`row ${problem.seq} of ${problem.origin}: ${problem.what}`);
    }
    const told = problems.slice(0, MAX_TOLD);
    if (told.length > 0) {
      world.logger.error(
        { problems: told },
        'rows do not hash to their links, and no live peer says otherwise yet',
      );
    }
    return told;
  }

  async #askSqlite(): Promise<void> {
    const connection = await openForReading(this.#options.file);
    try {
      const broken = await findBrokenPages(connection, this.#options.file);
      if (broken !== undefined) throw damaged(broken);
    } finally {
      await connection.close();
    }
  }

  async #timed(work: () => Promise<void>): Promise<void> {
    const { clock } = this.#options.world;
    const begunAtMs = clock.monotonic();
    await work();
    await this.#rest(clock.monotonic() - begunAtMs);
  }

  /** Rests so long that what was just done was its share. */
  async #rest(workedMs: number): Promise<void> {
    const { percent, world } = this.#options;
    const restMs = Math.min(LONGEST_REST_MS, workedMs * (100 / percent - 1));
    if (restMs > 0 && !this.#isStopping) {
      await new Promise<void>((resolve) => {
        const cancel = world.clock.after(restMs, resolve);
        this.#endRest = () => {
          cancel();
          resolve();
        };
      });
    }
    if (this.#isStopping) throw new Stopped();
  }
}

function damaged(what: string): ReplicationError {
  return new ReplicationError({
    code: 'database-damaged',
    message: `The database is damaged: ${what}.`,
    hint: 'The process ends; its next start sets the file aside and rebuilds the replica.',
  });
}
