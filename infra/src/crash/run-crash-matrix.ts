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
import { errorText } from '../infra-error.ts';
import { type Violation, Violations } from '../judge/violations.ts';
import { emptyRecord } from '../load/order-load.ts';
import { SessionReader } from '../load/session-reader.ts';
import { CrashFile } from './crash-file.ts';
import { crashOnce, type DoneCrash } from './crash-matrix.ts';
import type { PlannedCrash } from './crash-plan.ts';

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

/** Runs; resolves with the report, whatever was found. */
export async function runCrashMatrix(options: CrashMatrixOptions): Promise<CrashMatrixReport> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dbsync-crash-'));
  const folder = mkdtempSync(join(tmpdir(), 'dbsync-crash-file-'));
  const file = new CrashFile(join(folder, 'crash.json'));
  const violations = new Violations();
  try {
    const ground = await openGround({
      dataDir,
      replicas: 3,
      environment: options.environment,
      scripts: { ...ownServices, orderService: crashingReplica },
      replicaEnvironment: (replicaId) => ({
        CRASH_FILE: replicaId === 'order-1' ? file.path : '',
        // Every new directory is built from a snapshot, so that its moments come.
        DBSYNC_SNAPSHOT_MIN_RECORDS: '1',
      }),
      ...watchSupervisor({ onLogLine: options.onLogLine, violations }),
      signal: options.signal,
    });
    try {
      return await crashAll(ground, file, { options, violations });
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
  file: CrashFile,
  { options, violations }: { readonly options: CrashMatrixOptions; readonly violations: Violations },
): Promise<CrashMatrixReport> {
  const { print } = options;
  const reader = new SessionReader({ replicas: () => replicaUrls(ground.cluster), every: 3, inFlight: 8 });
  const watch = new ReplicaWatch({ replicas: () => ground.cluster.replicas, violations });
  const hurt = watched(ground, { reader, watch, violations, print });
  const record = emptyRecord();
  const done: DoneCrash[] = [];
  watch.start();
  for (const [index, crash] of options.crashes.entries()) {
    if (options.signal?.aborted) break;
    const what = `${crash.step}, ${crash.situation}, time ${crash.occurrence}`;
    try {
      const one = await crashOnce({ ground: hurt, file, record }, crash, `crash-${index}`);
      done.push(one);
      const again = one.hasDiedTwice ? `, again at ${crash.second}` : '';
      const ready = one.readyMs === null ? '' : ` ${(one.readyMs / 1000).toFixed(1)} s later`;
      print(`died at ${what}${again}; ready${ready}`);
    } catch (error) {
      violations.add('I11', 'not held', `${what}: ${errorText(error)}`);
      print(`NOT HELD ${what}: ${errorText(error)}`);
    }
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
