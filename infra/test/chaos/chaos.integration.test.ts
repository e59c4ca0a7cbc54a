import { describe, expect, it } from 'vitest';
import { reportLines } from '../../src/chaos/chaos-report.ts';
import type { FaultKind, FaultPlan, Lane, PlannedFault } from '../../src/chaos/fault-plan.ts';
import { runChaos } from '../../src/chaos/run-chaos.ts';
import { killLivingChildren } from '../../src/index.ts';

process.once('exit', killLivingChildren);

/** What every run of the tests goes through: 20 kills, six bounces, and some of the rest beside them. */
const seed = 20;
const plan: FaultPlan = {
  replicas: lane('replicas', [
    ['kill-storm', 4],
    ['kill-in-recovery', 3],
    ['kill-two', 2],
    ['kill-two', 3],
    ['kill-in-recovery', 3],
    ['kill-two', 2],
    ['kill-storm', 2],
  ]),
  log: lane('log', [
    ['terminate-broker', 1],
    ['flipped-bytes', 3],
    ['kill-broker', 1],
    ['suspend-broker', 1],
    ['one-way', 1],
    ['kill-broker', 1],
    ['terminate-broker', 1],
    ['suspend-broker', 1],
  ]),
};

function lane(name: Lane, faults: readonly (readonly [FaultKind, number])[]): PlannedFault[] {
  return faults.map(([kind, count], index) => ({
    number: index + 1,
    lane: name,
    kind,
    count,
    pauseMs: 200,
    durationMs: 1500,
    seed: seed + index,
  }));
}

describe('real processes under real faults', () => {
  it('lose and double nothing in 20 kill -9 and six broker bounces under 10 000 orders', {
    timeout: 480_000,
  }, async () => {
    const lines: string[] = [];
    const report = await runChaos({
      seed,
      minutes: 5,
      replicas: 3,
      ratePerSecond: 160,
      leastAcknowledged: 10_000,
      plan,
      environment: process.env,
      print: (line) => lines.push(line),
    });
    const told = [...lines, ...reportLines(report)].join('\n');
    console.log(told);
    expect(report.verdict, told).toBe('passed');
    expect(report.faults).toHaveLength(plan.replicas.length + plan.log.length);
    expect(report.kills).toBeGreaterThanOrEqual(20);
    expect(report.brokerBounces).toBe(6);
    expect(report.acknowledged).toBeGreaterThanOrEqual(10_000);
  });
});
