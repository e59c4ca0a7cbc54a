/**
 * A large replica: how it comes to be, from a peer's snapshot or from the log; how soon it is back after a restart; and
 * what memory it takes, at rest and while it catches up.
 *
 * The first replica has nobody to ask and replays the log; the ones after it take its snapshot.
 */
import { closeSync, copyFileSync, fsyncSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { InfraError } from '../../infra-error.ts';
import { startBenchBroker } from '../bench-broker.ts';
import type { BenchGround } from '../bench-ground.ts';
import type { Measured } from '../bench-row.ts';
import { USERS } from '../contest.ts';
import { interleaved, median } from '../interleaved.ts';
import { processMetrics, type Service, startUnready, untilReady } from '../services.ts';

const RUNS = 3;
const FEW = 1000;
const REPLAY_MS = 600_000;
const IDLE_MS = 5000;
const MEGABYTE = 1_000_000;

interface ReplicaTask {
  readonly kind: 'kafka';
  readonly bootstrap: string;
  readonly topicPrefix: string;
  readonly replicaId: string;
  readonly file: string;
}

/** Measures all of it. */
export async function measureLarge(ground: BenchGround): Promise<Measured[]> {
  const { bootstrap } = await startBenchBroker(ground);
  const many = ground.isQuick ? 100_000 : 1_000_000;
  const rounds = ground.isQuick ? 1 : 3;
  const cluster = async (events: number) => {
    const topicPrefix = `of-${events}.`;
    ground.progress(`appending ${events} events`);
    await ground.run('fillTopic', { bootstrap, topicPrefix, events, users: USERS, runs: RUNS });
    return (replicaId: string): ReplicaTask => {
      const file = join(ground.folder(replicaId), 'orders.db');
      return { kind: 'kafka', bootstrap, topicPrefix, replicaId, file };
    };
  };
  const [large, small] = [await cluster(many), await cluster(FEW)];
  ground.progress('replaying the log');
  const replay = await timedStart(ground, large('order-1'));
  await timedStart(ground, small('order-1'));

  const tasks = Array.from({ length: rounds }, (_, round) => large(`order-${round + 2}`));
  const snapshotS: number[] = [];
  const copyS: number[] = [];
  for (const task of tasks) {
    ground.progress('taking a snapshot');
    const started = await timedStart(ground, task);
    await requireSnapshot(started.service, many);
    snapshotS.push(started.seconds);
    await started.service.stop();
    copyS.push(copySeconds(task.file));
  }
  const [again = large('order-2')] = tasks;
  const restarted = small('order-2');
  await (await timedStart(ground, restarted)).service.stop();
  const restart = (task: ReplicaTask) => async () => {
    const { service, seconds } = await timedStart(ground, task);
    await service.stop();
    return seconds;
  };
  const restarts = await interleaved(
    { few: restart(restarted), many: restart(again) },
    {
      rounds: ground.isQuick ? 3 : 7,
      signal: ground.signal,
      onRound: (round) => ground.progress(`restart ${round}`),
    },
  );
  const { service } = await timedStart(ground, again);
  ground.progress('at rest');
  await pause(IDLE_MS, undefined, { signal: ground.signal });
  const [idle, caughtUp] = [await residentMegabytes(service), await residentMegabytes(replay.service)];
  ground.progress(`the one that has replayed the log takes ${caughtUp.toFixed(0)} MB at rest`);
  const absolute = (value: number) => ({ kind: 'at most', value, isAbsolute: true }) as const;
  return [
    {
      measure: `new replica of ${many} orders by snapshot, beside copying the file`,
      unit: 's',
      ours: median(snapshotS),
      limit: median(copyS),
      goal: absolute(10),
    },
    {
      measure: `new replica of ${many} orders by snapshot, against replay`,
      unit: 's',
      ours: median(snapshotS),
      limit: replay.seconds,
      goal: { kind: 'at most', value: 0.2 },
    },
    {
      measure: `restart until ready, ${many} orders against ${FEW}`,
      unit: 's',
      ours: restarts.many,
      limit: restarts.few,
      goal: { kind: 'at most', value: 1.3 },
    },
    {
      measure: `memory with ${many} orders, at rest after a restart`,
      unit: 'MB',
      ours: idle,
      limit: null,
      goal: absolute(120),
    },
    {
      measure: `memory while catching up ${many}`,
      unit: 'MB',
      ours: replay.largestMegabytes,
      limit: null,
      goal: absolute(180),
    },
  ];
}

/** From the start of the process until it is ready; and the most memory that it took on the way. */
async function timedStart(
  ground: BenchGround,
  task: ReplicaTask,
): Promise<{ service: Service; seconds: number; largestMegabytes: number }> {
  const begunMs = performance.now();
  const service = await startUnready(ground, task);
  const samples: number[] = [];
  const sampler = setInterval(() => {
    void residentMegabytes(service).then(
      (megabytes) => samples.push(megabytes),
      () => undefined,
    );
  }, 500);
  try {
    await untilReady(service.url, { signal: ground.signal, timeoutMs: REPLAY_MS });
  } finally {
    clearInterval(sampler);
  }
  return { service, seconds: (performance.now() - begunMs) / 1000, largestMegabytes: Math.max(...samples) };
}

/** What it applied came from the log: a replica that was built from a snapshot has next to none of that. */
async function requireSnapshot({ url }: Service, rows: number): Promise<void> {
  const answer = await fetch(`${url}/replication/status`, { signal: AbortSignal.timeout(10_000) });
  const status = (await answer.json()) as { rows: number; counters: { applied: number } };
  if (status.rows === rows && status.counters.applied < rows / 2) return;
  throw new InfraError({
    code: 'bench-failed',
    message: `The new replica holds ${status.rows} of ${rows} rows and took ${status.counters.applied} from the log.`,
    hint: 'It should have been built from a snapshot of its peer; see why it was not.',
  });
}

/** A plain copy of the closed file, on the disk. */
function copySeconds(file: string): number {
  const begunMs = performance.now();
  const copy = join(dirname(file), 'copy');
  copyFileSync(file, copy);
  const handle = openSync(copy, 'r+');
  fsyncSync(handle);
  closeSync(handle);
  return (performance.now() - begunMs) / 1000;
}

async function residentMegabytes({ url }: Service): Promise<number> {
  return (await processMetrics(url)).residentBytes / MEGABYTE;
}
