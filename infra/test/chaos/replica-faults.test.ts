import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WatchedGround } from '../../src/chaos/chaos-ground.ts';
import { Claims } from '../../src/chaos/claims.ts';
import { planFaults } from '../../src/chaos/fault-plan.ts';
import { terminateReplica } from '../../src/chaos/replica-faults.ts';
import { Violations } from '../../src/judge/violations.ts';

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
