/**
 * Runs crash matrices from the ground up: cluster, crashes, drain, judges, report.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ChaosGround, openGround, replicaUrls, watched } from '../chaos/chaos-ground.ts';
import { drain } from '../chaos/drain.ts';
import { ReplicaWatch } from '../chaos/replica-watch.ts';
import { watchSupervisor } from '../chaos/supervisor-watch.ts';
import { judgeQuiet, standingCut } from '../chaos/verdict.ts';
import { ownServices } from '../cluster/cluster-options.ts';
import type { Environment } from '../cluster/service-environment.ts';
import { type Violation, Violations } from '../judge/violations.ts';
import { emptyRecord } from '../load/order-load.ts';
import { SessionReader } from '../load/session-reader.ts';
import { CrashFile } from './crash-file.ts';
import type { DoneCrash, Victim } from './crash-matrix.ts';
import { type PlannedCrash, situations } from './crash-plan.ts';
import { runCrashRound } from './crash-round.ts';

/** How to run. */
export interface CrashMatrixOptions {
  readonly crashes: readonly PlannedCrash[];
  readonly environment: Environment;
  readonly print: (line: string) => void;
  readonly onLogLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What it came to. */
export interface CrashMatrixReport {
  readonly done: readonly DoneCrash[];
  readonly acknowledged: number;
  readonly rows: number;
  readonly medianReadyMs: number;
  readonly mostReadyMs: number;
  readonly violations: readonly Violation[];
}

/** The order-service with an observer that kills it. */
const crashingReplica = fileURLToPath(
  new URL('../../../services/order-service/test/fixtures/crashing-replica.ts', import.meta.url),
);

/** Replicas that die, at the same time, too; one more never does, and holds what they lose. */
const victimCount = 2;

/** Runs; resolves with the report, whatever was found. */
export async function runCrashMatrix(options: CrashMatrixOptions): Promise<CrashMatrixReport> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dbsync-crash-'));
  const folder = mkdtempSync(join(tmpdir(), 'dbsync-crash-file-'));
  const victims = Array.from({ length: victimCount }, (_, index): Victim => {
    const name = `order-${index + 1}`;
    return { name, file: new CrashFile(join(folder, `${name}.json`)) };
  });
  const violations = new Violations();
  try {
    const ground = await openGround({
      dataDir,
      replicas: victimCount + 1,
      hasFrontEnd: false,
      environment: options.environment,
      scripts: { ...ownServices, orderService: crashingReplica },
      replicaEnvironment: (replicaId) => ({
        CRASH_FILE: victims.find(({ name }) => name === replicaId)?.file.path ?? '',
        // Every new directory is built from a snapshot, so that its moments come.
        DBSYNC_SNAPSHOT_MIN_RECORDS: '1',
      }),
      ...watchSupervisor({ onLogLine: options.onLogLine, violations }),
      signal: options.signal,
    });
    try {
      return await crashAll(ground, victims, { options, violations });
    } finally {
      await ground.stop();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  }
}

async function crashAll(
  ground: ChaosGround,
  victims: readonly Victim[],
  { options, violations }: { readonly options: CrashMatrixOptions; readonly violations: Violations },
): Promise<CrashMatrixReport> {
  const { print } = options;
  const reader = new SessionReader({ replicas: () => replicaUrls(ground.cluster), every: 3, inFlight: 8 });
  const watch = new ReplicaWatch({ replicas: () => ground.cluster.replicas, violations });
  const hurt = watched(ground, { reader, watch, violations, print });
  const record = emptyRecord();
  const done: DoneCrash[] = [];
  watch.start();
  const { signal } = options;
  const onDone = (one: DoneCrash): void => void done.push(one);
  for (const situation of situations) {
    const crashes = options.crashes.filter((crash) => crash.situation === situation);
    await runCrashRound({ ground: hurt, victims, situation, crashes, record, onDone, signal });
  }
  await reader.settled();
  const { replicas } = ground.cluster;
  await drain({
    replicas,
    cut: await standingCut(hurt),
    rowsPerSecond: watch.rowsPerSecond,
    violations,
    print,
  });
  await watch.stop();
  const { rows } = await judgeQuiet({ ground: hurt, loads: [record], violations, print });
  const readyMs = done.flatMap((one) => one.readyMs ?? []).sort((a, b) => a - b);
  return {
    done,
    acknowledged: record.acknowledged.size,
    rows,
    medianReadyMs: readyMs[Math.floor(readyMs.length / 2)] ?? 0,
    mostReadyMs: readyMs.at(-1) ?? 0,
    violations: violations.list(),
  };
}
