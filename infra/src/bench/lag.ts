/**
 * Lag: from the answer to an insert until a peer shows it, and what Kafka's client alone takes from sending a record
 * to having it.
 *
 * The peer is asked at once for the order, with the token of the insert: it answers when it has the row. So our
 * figures include one request and its answer.
 */

/** What `lag-main.ts` is told: inserts one at a time. */
export interface LagTask {
  readonly urls: readonly string[];
  readonly bootstrap: string;
  /** A topic that nobody else uses; it is there. */
  readonly topic: string;
  /** Inserts, each followed by a record of Kafka's client. */
  readonly count: number;
  /** The same before, which do not count. */
  readonly warmUps: number;
}

/** What comes of it, in milliseconds. */
export interface LagAnswer {
  readonly ours: { readonly p50Ms: number; readonly p99Ms: number };
  readonly kafkajs: { readonly p50Ms: number; readonly p99Ms: number };
}

/** What `paced-lag-main.ts` is told: inserts at a rate, whatever the answers. */
export interface PacedLagTask {
  readonly urls: readonly string[];
  readonly perSecond: number;
  readonly seconds: number;
  /** One insert of so many is looked for on a peer. */
  readonly everyNth: number;
}

/** What comes of it. */
export interface PacedLagAnswer {
  /** Inserts answered with 201, and how many of them a second while it was time. */
  readonly placed: number;
  readonly perSecond: number;
  /** Everything that was not answered as it should be. */
  readonly bad: number;
  readonly looked: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Less than this share of the wanted rate is another load, which says nothing about this one. */
const RATE_SHARE = 0.95;

/** A figure taken at a rate; infinite where the load was not the one that was asked for, so that it meets no goal. */
export function atRate(
  figure: number,
  { perSecond, bad }: Pick<PacedLagAnswer, 'perSecond' | 'bad'>,
  wantedPerSecond: number,
): number {
  return bad === 0 && perSecond >= wantedPerSecond * RATE_SHARE ? figure : Number.POSITIVE_INFINITY;
}
