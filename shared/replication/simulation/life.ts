/**
 * One life of a simulated replica: a process from its start to its crash, stop or the end of the history.
 *
 * It owns the process's tasks, its connections, and where it is to crash. When a life has ended nothing of it runs
 * any more, whatever it was doing; its files are as they were.
 */
import type { LogRead } from '../src/change-log.ts';
import { openReplica } from '../src/open-replica.ts';
import type { Replica } from '../src/replica.ts';
import type { ReplicaOptions } from '../src/replica-options.ts';
import type { Database } from '../src/sqlite.ts';
import { type Random, type Step, silentLogger } from '../src/surroundings.ts';
import type { Owner, Scheduler } from './scheduler.ts';
import type { SeededRandom } from './seeded-random.ts';
import { type OpenedStorage, setGate } from './storage-gate.ts';

/** How a life is put together. */
export interface LifeOptions {
  readonly name: string;
  readonly url: string;
  readonly directory: string;
  readonly scheduler: Scheduler;
  /** Decides how long statements take. */
  readonly delays: SeededRandom;
  /** What the library draws from. */
  readonly random: Random;
  /** What the life finds where it is: how its wall clock goes, and whether it reaches anybody. */
  readonly machine: { readonly wall: { readonly offMs: number }; readonly isCutOff: boolean };
  /** Called at each named moment, before anything else can happen. */
  readonly reached: (life: Life, step: Step) => void | Promise<void>;
  /** The library says that the process has to end. */
  readonly ended: (life: Life, error: unknown) => void;
}

/** One process. */
export class Life implements Owner {
  readonly name: string;
  readonly url: string;
  readonly directory: string;
  isDead = false;
  stillUntilMs = 0;
  /** True once the read in hand was applied: a look at whose log it is applies nothing, nor does a full disk. */
  hasApplied = false;
  /** The read that it was given last. */
  inHand: LogRead | undefined;
  /** Present once it is open. */
  replica: Replica | undefined;
  readonly #options: LifeOptions;
  readonly #open = new Set<OpenedStorage>();
  /** Errors of statements by their code. */
  readonly errors = new Map<string, number>();

  constructor(options: LifeOptions) {
    this.name = options.name;
    this.url = options.url;
    this.directory = options.directory;
    this.#options = options;
  }

  /** True while no message reaches it or leaves it. */
  get isCutOff(): boolean {
    return this.#options.machine.isCutOff;
  }

  /** Opens the replica; resolves when it runs, never when the life ends before. */
  async begin(options: Omit<ReplicaOptions, 'world' | 'failed'>): Promise<void> {
    const { scheduler, random, machine, delays } = this.#options;
    setGate(this.directory, {
      pass: async (label, work) => {
        await scheduler.pause(this, delays.once(150) ? delays.whole(5, 40) : 0.02 + delays.unit() / 4, label);
        try {
          return await scheduler.whole(work);
        } catch (error) {
          const { code = 'unknown' } = error as { code?: string };
          this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
          throw error;
        }
      },
      opened: (storage) => {
        this.#open.add(storage);
        return () => this.#open.delete(storage);
      },
    });
    const replica = await openReplica({
      ...options,
      world: {
        clock: scheduler.clockOf(this, machine.wall),
        random,
        logger: silentLogger,
        observe: (step) => this.#reached(step),
      },
      failed: (error) => this.failed(error),
    });
    this.replica = replica;
    replica.start();
  }

  /** The library says that the process has to end. */
  failed(error: unknown): void {
    if (!this.isDead) this.#options.ended(this, error);
  }

  /** Runs a script on the connection that writes, as SQLite itself would come to be in such a state. */
  async alter(script: string): Promise<void> {
    for (const { writer } of this.#open) await writer?.execute(script);
  }

  /** Its database as it is committed now, read without the scheduler; undefined while it is not open. */
  get committed(): Database['reader'] | undefined {
    for (const { reader } of this.#open) if (reader) return reader;
    return undefined;
  }

  /** Ends it as `kill -9` does. Its files stay as they are. */
  kill(): void {
    this.isDead = true;
  }

  /** Gives back what a dead life had open. Copy its files before: closing changes them. */
  async bury(): Promise<void> {
    // In the order in which they were opened: the lock goes first, nobody waits for it.
    for (const storage of this.#open) await storage.close().catch(() => undefined);
    this.#open.clear();
  }

  async #reached(step: Step): Promise<void> {
    this.#options.scheduler.note(`${this.name} reaches ${step}`);
    if (step === 'apply:after-commit') this.hasApplied = true;
    await this.#options.reached(this, step);
    if (this.isDead) await new Promise<never>(() => undefined);
  }
}
