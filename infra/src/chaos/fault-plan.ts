/**
 * The plan of a chaos run: which faults, on whom, for how long, in which order. The same seed gives the same plan.
 *
 * Faults run in two lanes at the same time, so that faults of replicas meet faults of the log. Each lane deals from
 * a shuffled deck that holds every kind, some several times, and shuffles a new one when it is empty: so every kind
 * comes before any kind is tired out. How much of the plan a run gets through depends on the machine.
 */
import { type SeededRandom, seededRandom } from './seeded-random.ts';

/** `replicas`: what befalls processes and their directories. `log`: broker, network, topic. */
export type Lane = 'replicas' | 'log';

interface KindOfFault {
  readonly lane: Lane;
  /** Cards in a deck. */
  readonly copies: number;
  /** How long it lasts, shortest and longest, in seconds. */
  readonly seconds: readonly [number, number];
  /** How often, or how many, whatever that is for the kind. */
  readonly count: readonly [number, number];
  /** Cards in the whole plan. Default: no bound. */
  readonly atMost?: number;
}

const once = [1, 1] as const;
const moment = [0, 0] as const;

const kinds = {
  /** kill -9 of one replica after the other, each as soon as the one before is ready again. */
  'kill-storm': { lane: 'replicas', copies: 6, seconds: moment, count: [6, 10] },
  /** kill -9 of one replica again and again while it starts. */
  'kill-in-recovery': { lane: 'replicas', copies: 2, seconds: moment, count: [2, 3] },
  /** kill -9 of two replicas at once. */
  'kill-two': { lane: 'replicas', copies: 1, seconds: moment, count: [2, 2] },
  'suspend-replica': { lane: 'replicas', copies: 2, seconds: [5, 14], count: once },
  /** Longer than the session of a consumer, and than a silent replica stays in balance. */
  'suspend-long': { lane: 'replicas', copies: 1, seconds: [20, 60], count: once },
  'terminate-replica': { lane: 'replicas', copies: 2, seconds: moment, count: once },
  'foreign-writer': { lane: 'replicas', copies: 1, seconds: [3, 5], count: once },
  'add-replica': { lane: 'replicas', copies: 1, seconds: moment, count: once, atMost: 2 },
  'wipe-replica': { lane: 'replicas', copies: 1, seconds: moment, count: once },
  'restore-old-copy': { lane: 'replicas', copies: 1, seconds: [3, 8], count: once },
  'damage-file': { lane: 'replicas', copies: 1, seconds: moment, count: once },
  'restart-everything': { lane: 'replicas', copies: 1, seconds: moment, count: once },
  'terminate-broker': { lane: 'log', copies: 4, seconds: moment, count: once },
  'kill-broker': { lane: 'log', copies: 4, seconds: moment, count: once },
  'suspend-broker': { lane: 'log', copies: 4, seconds: [4, 9], count: once },
  'broker-away': { lane: 'log', copies: 1, seconds: [15, 25], count: once },
  /** The broker away, and one replica given more orders than it may keep for it. */
  'high-water': { lane: 'log', copies: 1, seconds: moment, count: once },
  'cut-off': { lane: 'log', copies: 1, seconds: [5, 12], count: once },
  'one-way': { lane: 'log', copies: 2, seconds: [5, 12], count: once },
  'slow-link': { lane: 'log', copies: 1, seconds: [5, 10], count: [50, 400] },
  'flipped-bytes': { lane: 'log', copies: 2, seconds: [2, 5], count: [1, 5] },
  'topic-deleted': { lane: 'log', copies: 1, seconds: moment, count: once },
  'retention-passed': { lane: 'log', copies: 1, seconds: [2, 5], count: once },
  duplicates: { lane: 'log', copies: 1, seconds: moment, count: [50, 500] },
  garbage: { lane: 'log', copies: 1, seconds: moment, count: [5, 50] },
  transactions: { lane: 'log', copies: 1, seconds: moment, count: [5, 50] },
} satisfies Readonly<Record<string, KindOfFault>>;

/** Names of everything that a chaos run does. */
export type FaultKind = keyof typeof kinds;

/** All of them. */
export const faultKinds = Object.keys(kinds) as readonly FaultKind[];

/** One fault with every choice made. */
export interface PlannedFault {
  /** Place in its lane, from 1. */
  readonly number: number;
  readonly lane: Lane;
  readonly kind: FaultKind;
  /** Quiet time before it, in milliseconds. */
  readonly pauseMs: number;
  readonly durationMs: number;
  readonly count: number;
  /** Choices that are made on the way (which victim, which byte) come from here. */
  readonly seed: number;
}

/** A plan, a list for each lane. */
export type FaultPlan = Readonly<Record<Lane, readonly PlannedFault[]>>;

/** What a plan is made from. */
export interface FaultPlanOptions {
  readonly seed: number;
  readonly minutes: number;
  /** Only these kinds. Default: all. */
  readonly only?: readonly FaultKind[] | undefined;
}

/** Quicker than this no lane gets through its faults. */
const faultsPerMinute = 30;

/** Makes the plan of a seed. */
export function planFaults(options: FaultPlanOptions): FaultPlan {
  const wanted = faultKinds.filter((kind) => options.only?.includes(kind) ?? true);
  const length = Math.ceil(options.minutes * faultsPerMinute);
  const lane = (name: Lane, salt: number): readonly PlannedFault[] =>
    dealLane({ lane: name, wanted, length, random: seededRandom(options.seed ^ salt) });
  return { replicas: lane('replicas', 0x9e3779b9), log: lane('log', 0x7f4a7c15) };
}

function dealLane(options: {
  readonly lane: Lane;
  readonly wanted: readonly FaultKind[];
  readonly length: number;
  readonly random: SeededRandom;
}): PlannedFault[] {
  const { lane, random } = options;
  const dealt = new Map<FaultKind, number>();
  const planned: PlannedFault[] = [];
  while (planned.length < options.length) {
    const deck = options.wanted.flatMap((kind) => {
      const { lane: own, copies, atMost = Number.POSITIVE_INFINITY }: KindOfFault = kinds[kind];
      return own === lane
        ? Array<FaultKind>(Math.min(copies, atMost - (dealt.get(kind) ?? 0))).fill(kind)
        : [];
    });
    if (deck.length === 0) return planned;
    for (const kind of random.shuffle(deck)) {
      dealt.set(kind, (dealt.get(kind) ?? 0) + 1);
      planned.push(chooseAll({ kind, lane, number: planned.length + 1, random }));
    }
  }
  return planned.slice(0, options.length);
}

function chooseAll(card: {
  readonly kind: FaultKind;
  readonly lane: Lane;
  readonly number: number;
  readonly random: SeededRandom;
}): PlannedFault {
  const { random, ...rest } = card;
  const { seconds, count }: KindOfFault = kinds[card.kind];
  return {
    ...rest,
    pauseMs: random.between(200, 1500),
    durationMs: random.between(seconds[0] * 1000, seconds[1] * 1000),
    count: random.between(...count),
    seed: random.between(0, 0x7fffffff),
  };
}

/** The plan in lines. */
export function planLines(plan: FaultPlan): string[] {
  return [...plan.replicas, ...plan.log].map(
    ({ lane, number, kind, pauseMs, durationMs, count, seed }) =>
      `${lane} ${number}: after ${pauseMs} ms ${kind}, ${durationMs} ms, count ${count}, seed ${seed}`,
  );
}
