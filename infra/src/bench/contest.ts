/**
 * A contest between services: all of them up and warm, loaded in turn, medians compared.
 */

import { waitFor } from '../process/wait-for.ts';
import type { BenchGround } from './bench-ground.ts';
import { interleaved } from './interleaved.ts';
import { CLIENTS, load } from './load.ts';

/** Users that take turns. */
export const USERS = 200;

/** Answers a second of each contender, given the task of its service. */
export async function contest<Name extends string>(
  ground: BenchGround,
  options: {
    kind: 'post' | 'get';
    services: Readonly<Record<Name, object>>;
    /** Default: that of the ground. */
    pace?: BenchGround['pace'];
  },
): Promise<Record<Name, number>> {
  const { rounds, seconds } = options.pace ?? ground.pace;
  const contenders = {} as Record<Name, () => Promise<number>>;
  const names = Object.keys(options.services) as Name[];
  for (const name of names) {
    const { answer } = await ground.start<{ url: string }>('service', options.services[name]);
    await untilReady(answer.url, ground.signal);
    const task = { kind: options.kind, urls: [answer.url], clients: CLIENTS, users: USERS };
    await load(ground, { ...task, seconds: Math.min(1, seconds) });
    contenders[name] = async () => (await load(ground, { ...task, seconds })).perSecond;
  }
  return interleaved(contenders, {
    rounds,
    signal: ground.signal,
    onRound: (round) => ground.progress(`round ${round} of ${rounds}`),
  });
}

/** Waits until a service takes traffic. */
async function untilReady(url: string, signal: AbortSignal): Promise<void> {
  await waitFor({
    what: url,
    timeoutMs: 60_000,
    intervalMs: 20,
    signal,
    look: async () => {
      const answer = await fetch(`${url}/readyz?verbose`);
      return answer.ok ? { found: true } : { missing: `it answers ${answer.status} ${await answer.text()}` };
    },
  });
}
