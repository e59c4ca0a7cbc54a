/**
 * A contest between services: all of them up and warm, loaded in turn, medians compared.
 */
import type { BenchGround } from './bench-ground.ts';
import { interleaved } from './interleaved.ts';
import { CLIENTS, type LoadTask, load } from './load.ts';

/** Users that take turns. */
export const USERS = 200;

/** Who is loaded: the services at these URLs, in turn. */
export interface Contender {
  readonly urls: readonly string[];
  /** A write counts when all of them hold it. Default: when it is answered. */
  readonly untilHeld?: boolean;
  /** Default: `USERS`. */
  readonly users?: number;
}

/** Answers a second of each contender. */
export async function contest<Name extends string>(
  ground: BenchGround,
  options: {
    kind: LoadTask['kind'];
    contenders: Readonly<Record<Name, Contender>>;
    /** Default: that of the ground. */
    pace?: BenchGround['pace'];
  },
): Promise<Record<Name, number>> {
  const { rounds, seconds } = options.pace ?? ground.pace;
  const loads = {} as Record<Name, () => Promise<number>>;
  for (const name of Object.keys(options.contenders) as Name[]) {
    const contender = options.contenders[name];
    const task = { kind: options.kind, clients: CLIENTS, users: USERS, ...contender };
    await load(ground, { ...task, seconds: Math.min(1, seconds / 2) });
    loads[name] = async () => (await load(ground, { ...task, seconds })).perSecond;
  }
  return interleaved(loads, {
    rounds,
    signal: ground.signal,
    onRound: (round) => ground.progress(`${options.kind}: round ${round} of ${rounds}`),
  });
}
