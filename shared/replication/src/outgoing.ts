/**
 * What is on its way of one origin: how far the log has acknowledged it, which acknowledged appends were not read
 * back yet, and when to try again.
 *
 * It lives in memory only. A loss means to go back to what was read back, and an append that was under way then
 * moves nothing any more. The publisher owns one for each origin that it publishes.
 */
import { backoffMs, policies } from './backoff.ts';
import type { Random } from './surroundings.ts';

/** An append that was acknowledged but not yet read back. */
export interface Acknowledgement {
  readonly partition: number;
  readonly lastOffset: number;
  /** Its last row. */
  readonly seq: number;
  /** Monotonic. */
  readonly atMs: number;
}

/** A row that the broker refuses although it is alone in its append. */
export interface TooLargeRow {
  readonly seq: number;
  /** Of its value. */
  readonly bytes: number;
}

/** Acknowledged appends that are remembered for one origin. */
const MAX_ACKNOWLEDGEMENTS = 1000;

/** The way out of one origin's rows. */
export class Outgoing {
  #acknowledged: number;
  #acknowledgements: Acknowledgement[] = [];
  #returns = 0;
  /** Returns in a row without anything read back since. */
  #losses = 0;
  #failures = 0;
  #retryAtMs = 0;
  #tooLarge: TooLargeRow | undefined;

  constructor(options: { acknowledged: number }) {
    this.#acknowledged = options.acknowledged;
  }

  /** The log has rows up to here, as far as it said. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Times that it went back; an append begun before the last one must not be acknowledged here. */
  get returns(): number {
    return this.#returns;
  }

  /** Monotonic time before which nothing is tried. */
  get retryAtMs(): number {
    return this.#retryAtMs;
  }

  /** The row that holds up all behind it, because the broker finds it too large. */
  get tooLarge(): TooLargeRow | undefined {
    return this.#tooLarge;
  }

  /** The log took an append. */
  succeeded(): void {
    this.#failures = 0;
    this.#tooLarge = undefined;
  }

  /** An append up to `seq` was acknowledged. */
  acknowledge(acknowledgement: Acknowledgement): void {
    this.#acknowledged = Math.max(this.#acknowledged, acknowledgement.seq);
    this.#acknowledgements.push(acknowledgement);
    // Without the oldest a loss is noticed by a later one, a little later.
    if (this.#acknowledgements.length > MAX_ACKNOWLEDGEMENTS) this.#acknowledgements.shift();
  }

  /** Rows up to `seq` were read back: as good as an acknowledgement that went missing. */
  readBack(seq: number): void {
    const open = this.#acknowledgements.filter((one) => one.seq > seq);
    if (open.length < this.#acknowledgements.length) this.#losses = 0;
    this.#acknowledgements = open;
    this.#acknowledged = Math.max(this.#acknowledged, seq);
    if (seq >= (this.#tooLarge?.seq ?? Number.POSITIVE_INFINITY)) this.#tooLarge = undefined;
  }

  /** True when an acknowledged append that is not among `published` meets the condition. */
  lacks(published: number, isMissing: (one: Acknowledgement) => boolean): boolean {
    return this.#acknowledgements.some((one) => one.seq > published && isMissing(one));
  }

  /** Everything above `published` has to go out again, after a wait: a log that keeps losing must not be flooded. */
  goBack(published: number, { nowMs, random }: { nowMs: number; random: Random }): void {
    this.#acknowledged = published;
    this.#acknowledgements = [];
    this.#returns += 1;
    this.#losses += 1;
    this.#retryAtMs = nowMs + backoffMs(policies.lost, this.#losses, random);
  }

  /** An append failed; says how many did in a row. */
  failed({ nowMs, random }: { nowMs: number; random: Random }): number {
    this.#failures += 1;
    this.#retryAtMs = nowMs + backoffMs(policies.publish, this.#failures, random);
    return this.#failures;
  }

  /** The broker refused a single row for its size; false where it had done so before. It is tried again, more rarely. */
  refused(row: TooLargeRow, { nowMs, random }: { nowMs: number; random: Random }): boolean {
    const isNew = this.#tooLarge?.seq !== row.seq;
    this.#tooLarge = row;
    this.#failures = isNew ? 1 : this.#failures + 1;
    this.#retryAtMs = nowMs + backoffMs(policies.tooLarge, this.#failures, random);
    return isNew;
  }
}
