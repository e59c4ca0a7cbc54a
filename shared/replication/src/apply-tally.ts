/**
 * What the applier has done: counted for the status, and said in the log where an operator has to know.
 */
import type { ApplyPlan } from './apply-plan.ts';
import type { Origins } from './origins.ts';
import type { Surroundings } from './surroundings.ts';

/** What the applier has done in this run. */
export interface ApplyCounters {
  readonly applied: number;
  /** Rows that a peer handed over because the log lacks them. */
  readonly repaired: number;
  readonly duplicates: number;
  readonly echoes: number;
  readonly quarantined: number;
  readonly hidden: number;
  readonly superseded: number;
  readonly stalls: number;
  /** Offsets without a record that two fresh reads agreed on. */
  readonly passedGaps: number;
}

/** At the start of a run, and of a replica that has no log. */
export const NOTHING_APPLIED: ApplyCounters = {
  applied: 0,
  repaired: 0,
  duplicates: 0,
  echoes: 0,
  quarantined: 0,
  hidden: 0,
  superseded: 0,
  stalls: 0,
  passedGaps: 0,
};

/** Time between two lines about records in quarantine, in milliseconds. */
const QUARANTINE_LINE_MS = 10_000;
/** Lines about hidden rows of one plan at most. */
const MAX_HIDDEN_LINES = 3;

/** Counts what one applier does, and says it. */
export class ApplyTally {
  readonly counters = { ...NOTHING_APPLIED };
  readonly #origins: Origins;
  readonly #world: Pick<Surroundings, 'clock' | 'logger'>;
  /** The row that each origin waited for when its stall was counted: read again, it is the same stall. */
  readonly #stalledAt = new Map<string, number>();
  #quarantinedUnsaid = 0;
  #quarantineSaidAtMs = Number.NEGATIVE_INFINITY;

  constructor({ origins, world }: { origins: Origins; world: Pick<Surroundings, 'clock' | 'logger'> }) {
    this.#origins = origins;
    this.#world = world;
  }

  /** A plan was stored; `superseded` of its rows lost their key to an earlier one. */
  stored(plan: ApplyPlan, superseded: number): void {
    const { logger } = this.#world;
    const { counters } = this;
    counters.applied += plan.rows.length + plan.hidden.length;
    counters.duplicates += plan.duplicates;
    counters.echoes += plan.echoes;
    counters.hidden += plan.hidden.length;
    counters.quarantined += plan.quarantined.length;
    counters.superseded += superseded;
    this.#sayQuarantined(plan);
    for (const { event, reason } of plan.hidden.slice(0, MAX_HIDDEN_LINES)) {
      const fields = { origin: event.origin, seq: event.seq, reason };
      logger.error(fields, 'a row is kept but hidden: this build refuses it');
    }
    for (const { origin, reason } of plan.stalls.values()) {
      const next = (this.#origins.get(origin)?.seq ?? 0) + 1;
      if (this.#stalledAt.get(origin) === next) continue;
      this.#stalledAt.set(origin, next);
      counters.stalls += 1;
      logger.warn({ origin, reason }, 'an origin is stalled; the others go on');
    }
    for (const origin of plan.endedStalls.keys()) logger.info({ origin }, 'a stalled origin goes on');
  }

  /** Of what was stored, a peer handed over so many rows. */
  repaired(rows: number): void {
    this.counters.repaired += rows;
  }

  /** Offsets without a record were passed. */
  passedGap(gap: { readonly partition: number; readonly [field: string]: number }): void {
    this.counters.passedGaps += 1;
    this.#world.logger.warn(gap, 'offsets without a record were passed: two fresh reads agree');
  }

  /** A flood of garbage is one line now and then, with how much it was. */
  #sayQuarantined({ quarantined: [first, ...more] }: ApplyPlan): void {
    if (!first) return;
    const { clock, logger } = this.#world;
    this.#quarantinedUnsaid += 1 + more.length;
    if (clock.monotonic() - this.#quarantineSaidAtMs < QUARANTINE_LINE_MS) return;
    const { partition, record, reason } = first;
    const fields = { records: this.#quarantinedUnsaid, partition, offset: record.offset, reason };
    logger.error(fields, 'records were put into quarantine');
    this.#quarantineSaidAtMs = clock.monotonic();
    this.#quarantinedUnsaid = 0;
  }
}
