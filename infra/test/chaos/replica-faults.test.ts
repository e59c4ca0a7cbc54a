import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WatchedGround } from '../../src/chaos/chaos-ground.ts';
import { Claims } from '../../src/chaos/claims.ts';
import { planFaults } from '../../src/chaos/fault-plan.ts';
import { backAgain, terminateReplica } from '../../src/chaos/replica-faults.ts';
import type { ServiceProcess } from '../../src/cluster/service-process.ts';
import { Violations } from '../../src/judge/violations.ts';
import { quietLook, serveStatus } from './status-server.ts';

const [fault] = planFaults({ seed: 1, minutes: 1, only: ['terminate-replica'] }).replicas;
if (fault === undefined) throw new Error('the plan is empty');

/** A ground with one replica that takes `stopMs` of simulated time to end, and then becomes ready or does not. */
function groundOf({ stopMs, notReady }: { readonly stopMs: number; readonly notReady?: Error }) {
  const violations = new Violations();
  const replica = {
    name: 'order-1',
    takeDown: async () => void vi.advanceTimersByTime(stopMs),
    restart: async () => undefined,
    ready: async () => {
      if (notReady) throw notReady;
    },
  };
  const ground = { claims: new Claims(), cluster: { replicas: [replica] }, violations, readyMs: [] };
  const found = () => violations.list().map(({ invariant, kind }) => `${invariant} ${kind}`);
  return { ground: ground as unknown as WatchedGround, found };
}

describe('a replica that was asked to end', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('breaks no promise when it ends in time and comes back', async () => {
    const { ground, found } = groundOf({ stopMs: 9999 });
    await expect(terminateReplica(ground, fault)).resolves.toContain('ended');
    expect(found()).toEqual([]);
  });

  it('breaks one when it takes ten seconds, for then it was killed', async () => {
    const { ground, found } = groundOf({ stopMs: 10_000 });
    await terminateReplica(ground, fault);
    expect(found()).toEqual(['I9 not ended']);
  });

  it('breaks one when it does not become ready again, and the fault did not hold either', async () => {
    const { ground, found } = groundOf({ stopMs: 100, notReady: new Error('Waited 180 s') });
    await expect(terminateReplica(ground, fault)).rejects.toThrow('Waited 180 s');
    expect(found()).toEqual(['I9 not ready']);
  });
});

describe('a replica that is started again', () => {
  /** What is found of one that is ready as soon as it was looked at, or at once. */
  async function foundOf(state: string, { isReadyAtOnce = false } = {}): Promise<string[]> {
    const violations = new Violations();
    const found = () => violations.list().map(({ invariant, kind }) => `${invariant} ${kind}`);
    const seen = Promise.withResolvers<void>();
    await using server = await serveStatus(() => {
      seen.resolve();
      return { ...quietLook, state };
    });
    const replica = {
      name: 'order-1',
      url: state === 'silent' ? 'http://127.0.0.1:1' : server.url,
      ready: async () => {
        if (isReadyAtOnce) return;
        if (state === 'silent') await vi.waitFor(() => expect(found()).not.toEqual([]), 10_000);
        else await seen.promise;
      },
    };
    const ground = { violations, readyMs: [] };
    const limitMs = isReadyAtOnce ? 3_600_000 : 1;
    await backAgain(
      ground as unknown as WatchedGround,
      replica as unknown as ServiceProcess,
      performance.now(),
      limitMs,
    );
    expect(ground.readyMs).toHaveLength(1);
    return found();
  }

  it('breaks no promise when it is ready in time, and none while it catches up: it serves what it has', async () => {
    expect(await foundOf('live', { isReadyAtOnce: true })).toEqual([]);
    expect(await foundOf('catching-up')).toEqual([]);
  });

  it.each(['starting', 'stopped', 'silent'])('breaks one when it is %s after its time', async (state) => {
    expect(await foundOf(state)).toEqual(['I9 not back']);
  });
});
