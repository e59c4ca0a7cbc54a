/**
 * When a log that was made anew may be cut, held against a cluster of which only the time and the broker are there.
 */
import { expect, it } from 'vitest';
import type { Clients } from '../../simulation/clients.ts';
import { FaultGround } from '../../simulation/fault-ground.ts';
import type { SimulatedCluster } from '../../simulation/simulated-cluster.ts';

function openGround(): {
  ground: FaultGround;
  scheduler: { nowMs: number };
  broker: { isReachable: boolean };
} {
  const scheduler = { nowMs: 1000 };
  const broker = { isReachable: true };
  const cluster = { scheduler, broker, kept: [], network: {} };
  return {
    ground: new FaultGround(cluster as unknown as SimulatedCluster, {} as Clients),
    scheduler,
    broker,
  };
}

it('a log that lost nothing may be cut at once', () => {
  expect(openGround().ground.mayCut()).toBe(true);
});

it('a log that lost records may be cut after nine calm seconds, however many faults wait for that', () => {
  const { ground, scheduler } = openGround();
  ground.lostRecords();
  const cutAtMs = [];
  for (; scheduler.nowMs <= 11_050; scheduler.nowMs += 150) {
    const [one, other] = [ground.mayCut(), ground.mayCut()];
    expect(other).toBe(one);
    if (one) cutAtMs.push(scheduler.nowMs);
  }
  expect(cutAtMs[0]).toBe(10_000);
});

it('time counts anew once somebody cannot read', () => {
  const { ground, scheduler, broker } = openGround();
  ground.lostRecords();
  ground.mayCut();
  scheduler.nowMs += 8000;
  broker.isReachable = false;
  ground.mayCut();
  broker.isReachable = true;
  scheduler.nowMs += 2000;
  expect(ground.mayCut()).toBe(false);
  scheduler.nowMs += 9000;
  expect(ground.mayCut()).toBe(true);
});
