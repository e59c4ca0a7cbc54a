/**
 * The scheduler: everything that happens in a simulated cluster, one thing at a time, in an order that the seed decides.
 *
 *   task due -> time moves to it -> it runs -> wait until all is quiet -> next task
 *
 * Timers, SQL statements, messages, requests of clients and faults are tasks. Quiet means: no statement is in the
 * thread pool, no file call is under way, and every promise that could be settled was. What owns a task may die
 * (a crash) or stand still (a stopped process): then its tasks never run, or run later.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../src/surroundings.ts';

/** Whoever tasks belong to: a life of a replica, a client, the world. */
export interface Owner {
  readonly name: string;
  isDead: boolean;
  /** Simulated time until which nothing of it runs. */
  stillUntilMs: number;
}

interface Task {
  dueMs: number;
  order: number;
  readonly owner: Owner;
  readonly label: string;
  isCancelled: boolean;
  readonly run: () => void;
}

/** The most tasks of one history; a history that needs more does not come to an end. */
const MAX_TASKS = 600_000;

/** Characters of the trace that are hashed at once. */
const HASHED_AT_ONCE = 65_536;

/** Wall time at which every history begins. */
const BEGIN = Date.parse('2026-01-02T03:04:05.678Z');

/** Runs tasks by their due time. */
export class Scheduler {
  readonly #heap: Task[] = [];
  readonly #hash = createHash('sha256');
  /** Lines that are not hashed yet. */
  #lines = '';
  readonly #print: ((line: string) => void) | undefined;
  #nowMs = 0;
  #order = 0;
  #ran = 0;
  #underWay = 0;
  /** Called after each task, when all is quiet. */
  afterTask: () => void = () => undefined;

  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  /** Simulated milliseconds since the beginning. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Tasks that ran. */
  get tasks(): number {
    return this.#ran;
  }

  /** Hash over everything that happened, in its order: equal for equal histories. */
  get fingerprint(): string {
    this.#hashLines();
    return this.#hash.copy().digest('hex').slice(0, 16);
  }

  /** Runs `run` after `afterMs`; the returned function cancels it. */
  schedule(task: { owner: Owner; afterMs: number; label: string; run: () => void }): () => void {
    this.#order += 1;
    const { owner, label, run } = task;
    const queued = {
      owner,
      label,
      run,
      dueMs: this.#nowMs + task.afterMs,
      order: this.#order,
      isCancelled: false,
    };
    this.#push(queued);
    return () => {
      queued.isCancelled = true;
    };
  }

  /** Resolves after `afterMs`, never when the owner dies before. */
  pause(owner: Owner, afterMs: number, label: string): Promise<void> {
    return new Promise((resolve) => {
      this.schedule({ owner, afterMs, label, run: resolve });
    });
  }

  /** Counts real work: nothing else happens before it has ended. */
  async whole<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay += 1;
    try {
      return await work();
    } finally {
      this.#underWay -= 1;
    }
  }

  /** The clock of one owner; its wall time may be off. */
  clockOf(owner: Owner, wall: { readonly offMs: number }): Clock {
    return {
      now: () => Math.floor(BEGIN + this.#nowMs + wall.offMs),
      monotonic: () => this.#nowMs,
      after: (afterMs, run) => this.schedule({ owner, afterMs: Math.max(0, afterMs), label: 'timer', run }),
    };
  }

  /** Adds a line to the trace. */
  note(line: string): void {
    const text = `${this.#nowMs.toFixed(3)} ${line}\n`;
    this.#lines += text;
    if (this.#lines.length > HASHED_AT_ONCE) this.#hashLines();
    this.#print?.(text);
  }

  #hashLines(): void {
    this.#hash.update(this.#lines);
    this.#lines = '';
  }

  /** Runs tasks until the condition holds or the time is reached; true when the condition holds. */
  async run(untilMs: number, isDone: () => boolean = () => false): Promise<boolean> {
    await this.#quiet();
    for (;;) {
      if (isDone()) return true;
      const next = this.#heap[0];
      if (!next || next.dueMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return isDone();
      }
      this.#pop();
      if (next.isCancelled || next.owner.isDead) continue;
      if (next.owner.stillUntilMs > next.dueMs) {
        next.dueMs = next.owner.stillUntilMs;
        this.#push(next);
        continue;
      }
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#ran += 1;
      if (this.#ran > MAX_TASKS) throw new Error(`the history does not end: ${MAX_TASKS} tasks ran`);
      this.note(`${next.owner.name} ${next.label}`);
      next.run();
      await this.#quiet();
      this.afterTask();
    }
  }

  async #quiet(): Promise<void> {
    do await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#underWay > 0 || isFileCallUnderWay());
  }

  #push(task: Task): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(task);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (!parent || !isBefore(task, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = task;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      const [left, right] = [heap[down], heap[down + 1]];
      if (!left) break;
      if (right && isBefore(right, left)) down += 1;
      const child = heap[down];
      if (!child || !isBefore(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

function isFileCallUnderWay(): boolean {
  return process.getActiveResourcesInfo().some((name) => /^(?:FSReq|CloseReq)/.test(name));
}
