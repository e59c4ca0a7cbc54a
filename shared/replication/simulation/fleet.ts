/**
 * A fleet of workers: processes that run histories side by side, one job each at a time.
 *
 * A worker that does not answer within its time, or dies, is ended, its history counts as unanswered, and another one
 * takes its place.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { HistoryResult } from './run-history.ts';
import type { WorkerJob } from './worker-job.ts';

/** Longest real time of one history, in milliseconds: a second of a processor, and everything else may go first. */
const HISTORY_MS = 600_000;

const main = fileURLToPath(new URL('worker-main.ts', import.meta.url));

/** Runs jobs on `workers` processes until `next` gives no more; results come in the order in which they are ready. */
export async function runFleet(options: {
  readonly workers: number;
  /** Name of the planted bug that the library is loaded with. */
  readonly bug?: string | undefined;
  readonly next: () => WorkerJob | undefined;
  readonly ended: (result: HistoryResult) => void;
  /** True once nothing more is wanted: histories under way are given up. */
  readonly isOver?: () => boolean;
}): Promise<void> {
  const workers = Array.from({ length: options.workers }, () => new Worker(options.bug));
  const work = async (worker: Worker): Promise<void> => {
    for (let job = options.next(); job; job = options.next()) {
      const result = await worker.run(job);
      if (options.isOver?.() === true) return;
      options.ended(result);
      if (options.isOver?.() === true) for (const one of workers) one.end();
    }
  };
  try {
    await Promise.all(workers.map(work));
  } finally {
    for (const one of workers) one.end();
  }
}

/** Runs one history alone. */
export async function runAlone(job: WorkerJob, bug?: string): Promise<HistoryResult> {
  const worker = new Worker(bug);
  try {
    return await worker.run(job);
  } finally {
    worker.end();
  }
}

class Worker {
  readonly #bug: string | undefined;
  #child: ChildProcess | undefined;
  #answer: (line: string | undefined) => void = () => undefined;

  constructor(bug: string | undefined) {
    this.#bug = bug;
  }

  async run(job: WorkerJob): Promise<HistoryResult> {
    const child = this.#start();
    let timer: NodeJS.Timeout | undefined;
    const line = await new Promise<string | undefined>((resolve) => {
      this.#answer = resolve;
      timer = setTimeout(() => resolve(undefined), HISTORY_MS);
      child.stdin?.write(`${JSON.stringify(job)}\n`);
    });
    clearTimeout(timer);
    if (line !== undefined) return JSON.parse(line) as HistoryResult;
    this.end();
    return withoutAnswer('seed' in job ? job.seed : job.plan.seed);
  }

  end(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.kill('SIGKILL');
    this.#answer(undefined);
  }

  #start(): ChildProcess {
    if (this.#child) return this.#child;
    const quiet = ['--disable-warning=DEP0137', '--disable-warning=Warning'];
    const child = spawn(process.execPath, [...quiet, main, ...(this.#bug === undefined ? [] : [this.#bug])], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#answer(line));
    child.on('exit', () => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#answer(undefined);
    });
    child.stdin.on('error', () => undefined);
    this.#child = child;
    return child;
  }
}

function withoutAnswer(seed: string): HistoryResult {
  return {
    seed,
    verdict: 'unanswered',
    violations: [],
    faults: [],
    operations: { begun: 0, answered: 0 },
    rows: { attempted: 0, acknowledged: 0, excused: 0 },
    fingerprint: '',
    tasks: 0,
    drainMs: 0,
    simulatedMs: 0,
  };
}
