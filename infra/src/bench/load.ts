/**
 * Load on order-services from a process of its own.
 */
import { InfraError } from '../infra-error.ts';
import type { BenchGround } from './bench-ground.ts';

/** What to ask. Users `user-0` … take turns. */
export interface LoadTask {
  readonly kind: 'post' | 'get';
  readonly urls: readonly string[];
  readonly clients: number;
  readonly seconds: number;
  readonly users: number;
  /** True: the load ends only when every service holds all rows that were answered. */
  readonly untilHeld?: boolean;
}

/** What came of it. */
export interface LoadAnswer {
  /** Answers 2xx. */
  readonly good: number;
  /** Everything else: other answers, errors, timeouts. */
  readonly bad: number;
  /** One of the reasons why answers were not as they should be; empty without any. */
  readonly reason: string;
  /** Good answers by the time until the last one, or until all rows were held. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Clients of every measure with load, as the issue of performance has it. */
export const CLIENTS = 64;

/** Loads and gives what came of it. @throws `bench-failed` where answers were not as they should be. */
export async function load(ground: BenchGround, task: LoadTask): Promise<LoadAnswer> {
  const answer = await ground.run<LoadAnswer>('load', task);
  if (answer.bad === 0 && answer.good > 0) return answer;
  throw new InfraError({
    code: 'bench-failed',
    message: `Of ${answer.good + answer.bad} requests to ${task.urls.join(', ')}, ${answer.bad} were not answered as they should be (${answer.reason}).`,
    hint: 'A figure of a service that fails is worth nothing; see why it fails first.',
  });
}
