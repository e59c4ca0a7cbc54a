/**
 * The recovery: what a running replica does about a damage of its database.
 *
 *   none        nothing to do; damage that is found is noted, and the process ends
 *   held        the file is damaged and nothing was there to rebuild it from: looks again and again, and ends the
 *               process when there is something; the next start takes it
 *   set-aside   the replica is rebuilt: when everything is caught up, the old file is salvaged and the report written
 *   short       the end of the file was lost: when everything is caught up, what did not come back is reported
 */
import { existsSync } from 'node:fs';
import type { Chain } from '../chain.ts';
import { errorText, isReplicationError, ReplicationError } from '../errors.ts';
import type { NextStep } from '../loop.ts';
import type { Origins } from '../origins.ts';
import type { Registry } from '../registry.ts';
import type { ReplicaOptions } from '../replica-options.ts';
import {
  type DamageNote,
  type DamageReport,
  noteDamage,
  readLastReport,
  removeDamageNote,
  writeDamageReport,
} from './damage-note.ts';
import { type MarkedRun, markedRun } from './open-mark.ts';
import { lookForTurn } from './rebuild-turn.ts';
import { type Salvaged, type SalvageOptions, salvage } from './salvage.ts';

/** What a status says about damage. */
export interface DamageStatus {
  readonly state: 'none' | 'held' | 'found' | 'set-aside' | 'short';
  /** What was found; null where nothing was. */
  readonly what: string | null;
  /** The latest damage that was dealt with, of this run or an earlier one. */
  readonly last:
    | (Pick<DamageReport, 'what' | 'foundAt' | 'keptAs' | 'salvaged' | 'renewed' | 'lost'> & {
        readonly report: string;
      })
    | null;
}

/** How recovery is put together. */
export interface RecoveryOptions {
  readonly options: ReplicaOptions;
  readonly chain: Chain;
  readonly registry: Registry;
  readonly origins: Origins;
  readonly note: DamageNote | undefined;
  /** Present while the replica must not serve. */
  readonly held: ReplicationError | undefined;
  readonly rebuildWaitMs: number;
  /** Parts that rows are salvaged with; absent in an isolated replica, which is never rebuilt. */
  readonly salvaging: Omit<SalvageOptions, 'file' | 'replicaId' | 'last' | 'chain'> | undefined;
  /** True while the replica is live and nothing lags. */
  readonly isQuiet: () => boolean;
  /** The process has to end. */
  readonly failed: (error: unknown) => void;
}

/** Time between two looks while rebuilding, and while held, in milliseconds. */
const QUIET_LOOK_MS = 200;
const HELD_LOOK_MS = 2000;

/** Deals with one damage. */
export class Recovery {
  readonly #options: RecoveryOptions;
  #note: DamageNote | undefined;
  #last: DamageStatus['last'];

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#note = options.note;
    const last = readLastReport(options.options.file);
    this.#last = last ? summaryOf(last.report, last.file) : null;
  }

  /** What the replica announces: others wait for it. */
  get phase(): 'none' | 'waiting' | 'rebuilding' {
    if (this.#options.held) return 'waiting';
    if (!this.#note) return 'none';
    // Of a file that lost its end, the log that was kept may give something back, too.
    return this.#note.phase === 'set-aside' || existsSync(this.#note.keptAs) ? 'rebuilding' : 'none';
  }

  /** True while a damage is not dealt with. */
  get isUnderWay(): boolean {
    return this.#note !== undefined;
  }

  /** For operators. */
  status(): DamageStatus {
    const state = this.#options.held ? 'held' : (this.#note?.phase ?? 'none');
    return { state, what: this.#note?.what ?? null, last: this.#last };
  }

  /** Damage was found while running: noted, so that the next start does not open the file. */
  found(error: ReplicationError): void {
    const { options, held } = this.#options;
    // What was opened in place of a damaged file, or is being rebuilt, has a note already.
    if (held || this.#note?.phase === 'set-aside') return;
    const { file, world } = options;
    noteDamage(file, { what: error.message, nowMs: world.clock.now(), last: markedRun(file) });
  }

  /** One look. */
  async step(): Promise<NextStep> {
    const { held, isQuiet, options } = this.#options;
    if (held) return this.#lookForSource();
    if (!this.#note) return Number.POSITIVE_INFINITY;
    if (!isQuiet()) return QUIET_LOOK_MS;
    try {
      await this.#finish(this.#note);
      return Number.POSITIVE_INFINITY;
    } catch (error) {
      if (!isReplicationError(error) || !error.isRetryable) throw error;
      options.world.logger.warn({ error: errorText(error) }, 'salvaging waits and begins again');
      return HELD_LOOK_MS;
    }
  }

  async #finish(note: DamageNote): Promise<void> {
    const { options, chain, salvaging } = this.#options;
    const { file, replicaId, world } = options;
    const isKept = existsSync(note.keptAs);
    const { last, what, foundAt } = note;
    const result =
      isKept && salvaging
        ? await salvage({ ...salvaging, file: note.keptAs, replicaId, last, chain })
        : whatIsMissing(last, this.#options.origins);
    const keptAs = isKept ? note.keptAs : null;
    const report: DamageReport = {
      what,
      foundAt,
      endedAt: new Date(world.clock.now()).toISOString(),
      keptAs,
      ...result,
    };
    const reportFile = writeDamageReport(file, report);
    removeDamageNote(file);
    this.#note = undefined;
    this.#last = summaryOf(report, reportFile);
    const { notSaved, ...counts } = result;
    const level = notSaved.length > 0 ? 'error' : 'warn';
    world.logger[level](
      { keptAs, report: reportFile, ...counts },
      note.phase === 'short'
        ? 'caught up after the end of the file was lost'
        : 'rebuilt after a damage; what only the old file had was taken from it, as far as it proves itself',
    );
  }

  async #lookForSource(): Promise<NextStep> {
    const { options, chain, registry, note, rebuildWaitMs, failed } = this.#options;
    const { replication, replicaId, world } = options;
    if (!replication || !note) return Number.POSITIVE_INFINITY;
    const isWaitOver = world.clock.now() - Date.parse(note.foundAt) > rebuildWaitMs;
    const { clock } = world;
    try {
      const turn = await lookForTurn({ replicaId, registry, log: replication.log, chain, clock, isWaitOver });
      if (turn.from === 'nothing') return HELD_LOOK_MS;
    } catch (error) {
      if (!isReplicationError(error)) throw error;
      return HELD_LOOK_MS;
    }
    failed(
      new ReplicationError({
        code: 'database-damaged',
        message: 'There is something to rebuild the damaged database from now.',
        hint: 'The process ends; its next start rebuilds the replica.',
      }),
    );
    return Number.POSITIVE_INFINITY;
  }
}

/** Rows of the last run that came back neither from the log nor from a peer. */
function whatIsMissing(last: MarkedRun | undefined, origins: Origins): Salvaged {
  const nothing = { salvaged: 0, renewed: 0 };
  if (!last) return { ...nothing, lost: null, notSaved: [] };
  const held = origins.get(last.run)?.seq ?? 0;
  if (held >= last.seq) return { ...nothing, lost: 0, notSaved: [] };
  const why = 'it was only in the write-ahead log';
  const gap = { origin: last.run, from: held + 1, to: last.seq, why };
  return { ...nothing, lost: last.seq - held, notSaved: [gap] };
}

function summaryOf(report: DamageReport, file: string): NonNullable<DamageStatus['last']> {
  const { what, foundAt, keptAs, salvaged, renewed, lost } = report;
  return { what, foundAt, keptAs, salvaged, renewed, lost, report: file };
}
