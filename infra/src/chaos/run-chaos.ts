/**
 * A chaos run: real processes, real faults, then heal and judge.
 *
 *   ground up -> load and faults until the time is up -> heal -> drain -> judge -> report
 *
 * What was attempted and acknowledged is recorded here, outside the cluster.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../cluster/service-environment.ts';
import { Violations } from '../judge/violations.ts';
import { type GatewayCounters, noGatewayCounters, placeThroughGateway } from '../load/gateway-load.ts';
import { emptyRecord, type LoadRecord } from '../load/order-load.ts';
import { SessionReader } from '../load/session-reader.ts';
import { waitFor } from '../process/wait-for.ts';
import { type ChaosGround, openGround, replicaUrls, type WatchedGround, watched } from './chaos-ground.ts';
import { type ChaosReport, killsOf, verdictOf } from './chaos-report.ts';
import { type Drain, drain } from './drain.ts';
import { type DoneFault, runLane } from './fault-lane.ts';
import type { FaultPlan } from './fault-plan.ts';
import { maxUnpublished } from './high-water.ts';
import { ReplicaWatch } from './replica-watch.ts';
import { watchSupervisor } from './supervisor-watch.ts';
import { type Judged, judgeQuiet, standingCut } from './verdict.ts';

/** How to run. */
export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly replicas: number;
  /** Orders a second. */
  readonly ratePerSecond: number;
  readonly plan: FaultPlan;
  readonly environment: Environment;
  readonly print: (line: string) => void;
  /** The load goes on until so many are acknowledged, for three minutes more at most. Default: 0. */
  readonly leastAcknowledged?: number;
  /** What replicas and supervisor say goes there. Default: nowhere. */
  readonly onLogLine?: (line: string) => void;
  /** Leave the data directory behind, to look into. Default: false. */
  readonly isKept?: boolean;
  readonly signal?: AbortSignal | undefined;
}

const clients = 160;
const answerMs = 5000;
/** Longer than any fault that leaves nobody to answer. */
const patienceMs = 90_000;
const progressEveryMs = 10_000;
const brokerFaults = new Set(['terminate-broker', 'kill-broker', 'suspend-broker']);

/** Runs; resolves with the report, whatever the verdict. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dbsync-chaos-'));
  const violations = new Violations();
  options.print(`seed ${options.seed}: starting ${options.replicas} replicas and a broker in ${dataDir}`);
  try {
    const ground = await openGround({
      dataDir,
      replicas: options.replicas,
      environment: options.environment,
      replicaEnvironment: () => ({ DBSYNC_MAX_UNPUBLISHED: String(maxUnpublished) }),
      ...watchSupervisor({ onLogLine: options.onLogLine, violations }),
      signal: options.signal,
    });
    try {
      return await runOn(ground, options, violations);
    } finally {
      await ground.stop();
    }
  } finally {
    if (options.isKept !== true) rmSync(dataDir, { recursive: true, force: true });
  }
}

async function runOn(
  ground: ChaosGround,
  options: ChaosOptions,
  violations: Violations,
): Promise<ChaosReport> {
  const { print } = options;
  const reader = new SessionReader({ replicas: () => replicaUrls(ground.cluster), every: 3, inFlight: 16 });
  const watch = new ReplicaWatch({ replicas: () => ground.cluster.replicas, violations });
  const hurt = watched(ground, { reader, watch, violations, print });
  const [load, sessions] = [emptyRecord(), noGatewayCounters()];
  const faults = await loadAndHurt(hurt, { load, sessions }, options);
  heal(ground);
  const isUp = await everybodyUp(hurt, violations);
  const { replicas } = ground.cluster;
  const { rowsPerSecond } = watch;
  const drained = await drain({ replicas, cut: await standingCut(hurt), rowsPerSecond, violations, print });
  await watch.stop();
  const loads = [load, hurt.probes];
  const judged = isUp ? await judgeQuiet({ ground: hurt, loads, violations, print }) : null;
  for (const { fault, what, hasHeld } of faults)
    if (!hasHeld) violations.add('I11', 'not held', `${fault.kind}: ${what}`);
  return report(options, { hurt, load, sessions, faults, violations, drained, judged });
}

/** Load and both lanes of faults until the time is up; resolves when the last answer is here. */
async function loadAndHurt(
  ground: WatchedGround,
  { load: record, sessions }: { readonly load: LoadRecord; readonly sessions: GatewayCounters },
  options: ChaosOptions,
): Promise<readonly DoneFault[]> {
  const { plan, print, signal } = options;
  const startMs = performance.now();
  const over = AbortSignal.any([
    AbortSignal.timeout(options.minutes * 60_000),
    ...(signal === undefined ? [] : [signal]),
  ]);
  const calm = new AbortController();
  ground.watch.start();
  const loading = placeThroughGateway({
    gatewayUrl: ground.cluster.gateway.url,
    clients,
    name: 'chaos',
    ratePerSecond: options.ratePerSecond,
    answerMs,
    patienceMs,
    signal: calm.signal,
    onPlaced: (placed) => ground.reader.placed(placed),
    onBroken: ({ invariant, kind, what }) => ground.violations.add(invariant, kind, what),
    record,
    counters: sessions,
  });
  const done: DoneFault[] = [];
  const tell = (what: string): void =>
    print(`${String(Math.round((performance.now() - startMs) / 1000)).padStart(5)} s  ${what}`);
  const onDone = (one: DoneFault): void => {
    done.push(one);
    tell(`${one.hasHeld ? '' : 'NOT HELD '}${one.fault.kind}: ${one.what}`);
  };
  const progress = setInterval(
    () =>
      tell(
        `${record.acknowledged.size} of ${record.attempted.size} orders acknowledged${brokenSoFar(ground)}`,
      ),
    progressEveryMs,
  );
  try {
    await Promise.all(
      [plan.replicas, plan.log].map((lane) => runLane({ ground, plan: lane, startMs, over, onDone })),
    );
    await enough(record, options);
  } finally {
    clearInterval(progress);
    calm.abort();
    await loading;
    await ground.reader.settled();
  }
  return done;
}

/** Nothing, or which promises were broken: whoever watches a long run need not wait for its end. */
function brokenSoFar({ violations }: WatchedGround): string {
  const told = violations.list().map(({ invariant, kind, count }) => `${invariant} ${kind} (${count})`);
  return told.length === 0 ? '' : `; BROKEN: ${told.join(', ')}`;
}

/** Resolves when as many orders were acknowledged as the run is to judge. */
async function enough(record: LoadRecord, { leastAcknowledged = 0, signal }: ChaosOptions): Promise<void> {
  await waitFor({
    what: `${leastAcknowledged} acknowledged orders`,
    timeoutMs: 180_000,
    signal,
    look: () =>
      record.acknowledged.size >= leastAcknowledged
        ? { found: true }
        : { missing: `${record.acknowledged.size} so far` },
  });
}

/** Whatever a fault that failed has left behind. */
function heal(ground: ChaosGround): void {
  for (const link of ground.links.values()) link.set({ kind: 'open' });
  void ground.cluster.broker?.kill('SIGCONT');
  for (const replica of ground.cluster.replicas) replica.kill('SIGCONT');
}

async function everybodyUp(ground: WatchedGround, violations: Violations): Promise<boolean> {
  const ups = await Promise.all(
    ground.cluster.replicas.map(async (replica) => {
      if (replica.pid === null) await replica.restart();
      return replica.ready({ timeoutMs: 60_000, isFirstStart: false }).then(
        () => true,
        (error: unknown) => {
          violations.add('I9', 'not ready', String(error));
          return false;
        },
      );
    }),
  );
  return ups.every(Boolean);
}

function report(
  { seed, minutes }: ChaosOptions,
  ran: {
    readonly hurt: WatchedGround;
    readonly load: LoadRecord;
    readonly sessions: GatewayCounters;
    readonly faults: readonly DoneFault[];
    readonly violations: Violations;
    readonly drained: Drain;
    readonly judged: Judged | null;
  },
): ChaosReport {
  const { hurt, load, sessions, faults, violations } = ran;
  const { watch, reader, readyMs } = hurt;
  const found = violations.list();
  const counts: Record<string, number> = {};
  for (const { fault } of faults) counts[fault.kind] = (counts[fault.kind] ?? 0) + 1;
  const sorted = [...readyMs].sort((a, b) => a - b);
  return {
    seed,
    minutes,
    verdict: verdictOf({
      violations: found,
      faults,
      acknowledged: load.acknowledged.size,
      tokenReads: Math.min(reader.counters.seen, sessions.ownReads),
    }),
    replicas: hurt.cluster.replicas.length,
    attempted: load.attempted.size,
    acknowledged: load.acknowledged.size,
    failures: sortedCounts(load.failures),
    probeFailures: sortedCounts(hurt.probes.failures),
    sessions,
    reads: reader.counters,
    faults,
    counts,
    kills: faults.reduce((sum, fault) => sum + killsOf(fault), 0),
    brokerBounces: faults.filter(({ fault, hasHeld }) => hasHeld && brokerFaults.has(fault.kind)).length,
    lost: violations.count('lost'),
    doubled: violations.count('doubled'),
    phantom: violations.count('phantom'),
    diverged: violations.count('different'),
    drain: ran.drained,
    judged: ran.judged,
    readySeconds: {
      median: (sorted[Math.floor(sorted.length / 2)] ?? 0) / 1000,
      most: (sorted.at(-1) ?? 0) / 1000,
    },
    memoryMegabytes: watch.memoryMegabytes,
    rowsPerSecond: watch.rowsPerSecond,
    fileLooks: watch.fileLooks,
    violations: found,
  };
}

/** The most frequent first. */
function sortedCounts(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

/** Writes the report as JSON. */
export function writeReport(path: string, written: ChaosReport): void {
  writeFileSync(path, `${JSON.stringify(written, null, 2)}\n`);
}
