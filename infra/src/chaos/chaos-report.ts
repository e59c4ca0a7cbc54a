/**
 * What a chaos run came to: figures, violations, the verdict; as lines for people and as JSON for programs.
 */
import type { Violation } from '../judge/violations.ts';
import type { GatewayCounters } from '../load/gateway-load.ts';
import type { Drain } from './drain.ts';
import type { DoneFault } from './fault-lane.ts';
import type { Judged } from './verdict.ts';

/**
 * `passed`, `failed`: a promise was broken. `inconclusive`: none was, but not every fault took hold, or there was nothing
 * that could have been lost or missed.
 */
export type ChaosVerdict = 'passed' | 'failed' | 'inconclusive';

/** A finished run. */
export interface ChaosReport {
  readonly seed: number;
  readonly minutes: number;
  readonly verdict: ChaosVerdict;
  readonly replicas: number;
  readonly attempted: number;
  readonly acknowledged: number;
  /** Answers after which a client sent the same again, by status and problem; and calls without an answer. */
  readonly failures: Readonly<Record<string, number>>;
  /** The same for the orders that faults sent to single replicas. */
  readonly probeFailures: Readonly<Record<string, number>>;
  /** What clients did through the gateway, besides placing orders. */
  readonly sessions: GatewayCounters;
  readonly reads: Readonly<Record<string, number>>;
  readonly faults: readonly DoneFault[];
  /** Faults carried out, by kind. */
  readonly counts: Readonly<Record<string, number>>;
  /** Replicas killed by kill -9, and times that the broker was ended or stopped. */
  readonly kills: number;
  readonly brokerBounces: number;
  readonly lost: number;
  readonly doubled: number;
  readonly phantom: number;
  /** Origins in which two replicas differ. */
  readonly diverged: number;
  readonly drain: Drain;
  readonly judged: Judged | null;
  readonly readySeconds: { readonly median: number; readonly most: number };
  readonly memoryMegabytes: number;
  readonly rowsPerSecond: number;
  readonly fileLooks: number;
  readonly violations: readonly Violation[];
}

/** The verdict over what was found. */
export function verdictOf(found: {
  readonly violations: readonly Violation[];
  readonly faults: readonly DoneFault[];
  /** Orders that were acknowledged. */
  readonly acknowledged: number;
  /** Reads that showed their order: with its token on a replica, and in a session through the gateway; the fewer. */
  readonly tokenReads: number;
}): ChaosVerdict {
  const broken = found.violations.some(({ invariant }) => invariant !== 'I11');
  if (broken) return 'failed';
  const isHurt = found.faults.length > 0 && found.faults.every(({ hasHeld }) => hasHeld);
  const isProof = isHurt && found.acknowledged > 0 && found.tokenReads > 0;
  return isProof && found.violations.length === 0 ? 'passed' : 'inconclusive';
}

/** Kills of replicas that a fault was: what its sentence names. */
export function killsOf({ fault, hasHeld }: DoneFault): number {
  if (!hasHeld) return 0;
  const kills: Readonly<Record<string, number>> = {
    'kill-storm': fault.count,
    'kill-two': fault.count,
    'kill-in-recovery': fault.count + 1,
    'restore-old-copy': 1,
    'damage-file': 1,
    'retention-passed': 1,
  };
  return kills[fault.kind] ?? 0;
}

/** The report in lines, the verdict last. */
export function reportLines(report: ChaosReport): string[] {
  const { drain, judged, readySeconds, sessions, violations } = report;
  const told = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ') || 'none';
  const unheld = report.faults.filter(({ hasHeld }) => !hasHeld);
  return [
    '',
    `faults      ${told(report.counts)}`,
    `            ${report.kills} kill -9 of replicas, ${report.brokerBounces} broker bounces`,
    `orders      ${report.attempted} attempted, ${report.acknowledged} acknowledged, ${sessions.repeats} of them again; ${sessions.givenUp} given up`,
    `sent again  after ${told(report.failures)}`,
    `refused     of what faults sent to single replicas: ${told(report.probeFailures)}`,
    `sessions    ${sessions.ownReads} own orders read, ${sessions.readsAgain} seen ones read again`,
    `reads       of single replicas: ${told(report.reads)}`,
    `ready again median ${readySeconds.median.toFixed(1)} s, at most ${readySeconds.most.toFixed(1)} s`,
    `drained     ${drain.isQuiet ? 'in' : 'not in'} ${drain.seconds.toFixed(1)} s with a backlog of ${drain.backlog} rows (promised: ${drain.promisedSeconds.toFixed(1)} s at ${report.rowsPerSecond} rows/s)`,
    `memory      at most ${report.memoryMegabytes} MiB a replica`,
    `judged      ${judged?.rows ?? 0} rows on each of ${report.replicas} replicas, ${judged?.recordsOfOurs ?? 0} records of ours and ${judged?.recordsOfStrangers ?? 0} of strangers, ${report.fileLooks} looks at files under way`,
    `            lost ${report.lost}, doubled ${report.doubled}, phantom ${report.phantom}, diverged ${report.diverged}`,
    ...violations.map(
      ({ invariant, kind, count, examples }) =>
        `VIOLATION   ${invariant} ${kind} (${count}): ${examples.join('; ')}`,
    ),
    ...unheld.map(({ fault, what }) => `NOT HELD    ${fault.kind} (${fault.lane} ${fault.number}): ${what}`),
    `${report.verdict}: seed ${report.seed}, ${report.minutes} minutes, ${report.faults.length} faults`,
  ];
}
