/**
 * A machine of a simulated cluster: a replica's name, its directory, and the lives that it leads there one after
 * another.
 *
 *   down --start--> running --crash (files copied as they are)--> down --restore an old copy--> down
 *     +--remove: the directory is gone for good
 *
 * A crash leaves the database and its WAL as they were at that instant; the copy is what the next life opens, as the
 * connections of the old one would tidy up when they close.
 */
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openConnection } from '../src/sqlite.ts';
import { type Holding, holdingOf } from './holding.ts';
import type { Life } from './life.ts';

/** File of the database in a machine's directory. */
export const DATABASE_FILE = 'notes.db';

/** What a machine needs from the cluster. */
export interface MachineOptions {
  readonly id: string;
  readonly root: string;
  /** Makes the next life of this machine in a directory; it begins by itself. */
  readonly bear: (machine: Machine, directory: string) => Life;
  /** Counts real work. */
  readonly whole: <T>(work: () => Promise<T>) => Promise<T>;
}

/** One machine. */
export class Machine {
  readonly id: string;
  readonly url: string;
  /** Offset of its wall clock, in milliseconds. */
  readonly wall = { offMs: 0 };
  life: Life | undefined;
  /** True while no message reaches it or leaves it. */
  isCutOff = false;
  isRemoved = false;
  readonly #options: MachineOptions;
  #directories = 0;
  #directory: string;
  #holding: Holding | undefined;
  #backup: string | undefined;

  constructor(options: MachineOptions) {
    this.id = options.id;
    this.url = `http://127.0.0.1:1/${options.id}`;
    this.#options = options;
    this.#directory = this.#nextDirectory();
    mkdirSync(this.#directory, { recursive: true });
  }

  /** True while a process runs, also one that is still opening its files. */
  get isUp(): boolean {
    return this.life !== undefined;
  }

  /** Starts the next life. */
  start(): void {
    if (this.isUp || this.isRemoved) return;
    this.#holding = undefined;
    this.life = this.#options.bear(this, this.#directory);
  }

  /** `kill -9`: the files stay as they are at this instant. */
  crash(): void {
    const { life } = this;
    if (!life) return;
    life.kill();
    this.life = undefined;
    this.#holding = undefined;
    const left = this.#directory;
    this.#directory = this.#nextDirectory();
    copyDirectory(left, this.#directory);
    void this.#options.whole(async () => {
      await life.bury();
      rmSync(left, { recursive: true, force: true });
    });
  }

  /** The process has stopped by itself; its files are closed. */
  stopped(): void {
    const { life } = this;
    life?.kill();
    this.life = undefined;
    if (life) void this.#options.whole(() => life.bury());
  }

  /** Copies the directory aside, as a backup tool would. */
  backUp(): void {
    this.#backup ??= join(this.#options.root, `${this.id}.backup`);
    rmSync(this.#backup, { recursive: true, force: true });
    copyDirectory(this.#directory, this.#backup);
  }

  /** Puts the copy in the place of the directory; false where there is none. The machine must be down. */
  restore(): boolean {
    if (this.#backup === undefined || this.isUp) return false;
    rmSync(this.#directory, { recursive: true, force: true });
    this.#directory = this.#nextDirectory();
    copyDirectory(this.#backup, this.#directory);
    this.#holding = undefined;
    return true;
  }

  /** The machine and its disk are gone. */
  remove(): void {
    this.crash();
    this.isRemoved = true;
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** What its database holds at this instant, committed. */
  async holding(): Promise<Holding> {
    const reader = this.life?.committed;
    if (reader) return this.#options.whole(() => holdingOf(reader));
    // A life that is still opening its files may write any moment: what was seen of it is not kept.
    if (this.isUp) return this.#options.whole(() => this.#examine());
    this.#holding ??= await this.#options.whole(() => this.#examine());
    return this.#holding;
  }

  /** Looks into a copy: opening the files themselves would already mend them. */
  async #examine(): Promise<Holding> {
    const copy = `${this.#directory}.examined`;
    copyDirectory(this.#directory, copy);
    const connection = await openConnection(join(copy, DATABASE_FILE));
    try {
      return await holdingOf(connection);
    } finally {
      await connection.close();
      rmSync(copy, { recursive: true, force: true });
    }
  }

  #nextDirectory(): string {
    this.#directories += 1;
    return join(this.#options.root, `${this.id}.${this.#directories}`);
  }
}

/** Everything but the lock and the shared memory of the WAL, which a restart makes anew. */
function copyDirectory(from: string, to: string): void {
  const isKept = (path: string): boolean => !basename(path).startsWith('lock.') && !path.endsWith('-shm');
  cpSync(from, to, { recursive: true, filter: isKept });
}
