/**
 * Order-services under measurement: started together, each a process of its own, and asked what they say of themselves.
 *
 * Whatever a measure wants to know of a service it takes from what every operator sees: status and metrics.
 */
import { join } from 'node:path';
import { waitFor } from '../process/wait-for.ts';
import type { BenchGround, RunningProgram } from './bench-ground.ts';
import type { Client } from './clients.ts';

/** A running order-service. */
export interface Service {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const READY_MS = 120_000;
const ANSWER_MS = 10_000;

/** Starts a service for each task, all at once, and resolves when all are ready. */
export async function startServices(ground: BenchGround, tasks: readonly object[]): Promise<Service[]> {
  return Promise.all(tasks.map((task) => startService(ground, task)));
}

/** Starts one and resolves when it is ready. */
export async function startService(ground: BenchGround, task: object): Promise<Service> {
  const service = await startUnready(ground, task);
  await untilReady(service.url, { signal: ground.signal });
  return service;
}

/** Starts one and resolves when it answers, which may be before it is ready. */
export async function startUnready(ground: BenchGround, task: object): Promise<Service> {
  const { answer, pid, stop }: RunningProgram<{ url: string }> = await ground.start('service', task);
  return { url: answer.url, pid, stop };
}

/** What replicas of one cluster are started with. */
export interface ClusterTask {
  readonly bootstrap: string;
  /** Tells clusters on one Kafka apart. */
  readonly topicPrefix: string;
  readonly client?: Client;
}

/** Tasks of replicas `order-1` …, each with a new folder of its own. */
export function replicaTasks(ground: BenchGround, cluster: ClusterTask, replicas: number): object[] {
  return Array.from({ length: replicas }, (_, index) => {
    const replicaId = `order-${index + 1}`;
    return { kind: 'kafka', ...cluster, replicaId, file: join(ground.folder(replicaId), 'orders.db') };
  });
}

/** Waits until a service takes traffic, two minutes at most unless told otherwise. */
export async function untilReady(
  url: string,
  { signal, timeoutMs = READY_MS }: { signal: AbortSignal; timeoutMs?: number },
): Promise<void> {
  await waitFor({
    what: url,
    timeoutMs,
    intervalMs: 10,
    signal,
    look: async () => {
      const answer = await fetch(`${url}/readyz?verbose`, { signal: AbortSignal.timeout(ANSWER_MS) });
      return answer.ok ? { found: true } : { missing: `it answers ${answer.status} ${await answer.text()}` };
    },
  });
}

/** Waits until every replica holds `rows` rows and has nothing left to publish. */
export async function untilHeld(
  ground: BenchGround,
  options: { services: readonly Service[]; rows: number; timeoutMs: number },
): Promise<void> {
  const { services, rows, timeoutMs } = options;
  await waitFor({
    what: `${rows} rows on every replica`,
    timeoutMs,
    intervalMs: 50,
    signal: ground.signal,
    onProgress: (sentence) => ground.progress(sentence),
    look: async () => {
      const held = await Promise.all(services.map(({ url }) => rowsOf(url)));
      return held.every((count) => count >= rows)
        ? { found: true }
        : { missing: `they hold ${held.join(', ')}` };
    },
  });
}

/** Rows that a replica holds. */
export async function rowsOf(url: string): Promise<number> {
  const answer = await fetch(`${url}/replication/status`, { signal: AbortSignal.timeout(ANSWER_MS) });
  return ((await answer.json()) as { rows: number }).rows;
}

/** What a service says of its process. */
export interface ProcessMetrics {
  /** Seconds of processor time since its start. */
  readonly cpuSeconds: number;
  /** Resident bytes. */
  readonly residentBytes: number;
  /** Delay of the event loop since the last time somebody asked, in seconds; it includes the time between two looks. */
  readonly loopDelayP99Seconds: number;
}

/** Asks a service; the next answer's event-loop delay begins here. */
export async function processMetrics(url: string): Promise<ProcessMetrics> {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
  return readMetrics(await answer.text());
}

/** Reads the text of Prometheus; what is not there is NaN. */
export function readMetrics(text: string): ProcessMetrics {
  const value = (name: string): number =>
    Number(new RegExp(`^dbsync_${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
  return {
    cpuSeconds: value('process_cpu_seconds_total'),
    residentBytes: value('process_resident_memory_bytes'),
    loopDelayP99Seconds: value('nodejs_eventloop_lag_p99_seconds'),
  };
}
