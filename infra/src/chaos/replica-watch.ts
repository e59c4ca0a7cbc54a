/**
 * Watches the replicas of a chaos run from outside: their files for histories with holes or that went back, their
 * memory, and how fast they apply.
 *
 * Histories only grow, so a look at a file reads what came since the last one. A directory that was taken away or
 * put back on purpose is begun again with `forget`.
 */
import { DatabaseSync } from 'node:sqlite';
import type { Violations } from '../judge/violations.ts';
import { lookAt, residentMegabytes } from './replica-look.ts';

/** A replica as the watch sees it. */
export interface WatchedReplica {
  readonly name: string;
  readonly url: string;
  readonly database: string;
  readonly pid: number | null;
}

/** Origin and rows found at the end of it, at one moment of a file. */
export interface OriginGrowth {
  readonly name: string;
  /** What the file says the origin holds. */
  readonly seq: number;
  /** Rows behind the last look. */
  readonly newRows: number;
}

const lookEveryMs = 1000;
/** Looks at the status between two looks at a file. */
const looksPerFile = 2;

/** Watches. */
export class ReplicaWatch {
  /** Most memory that any replica took, in MiB. */
  memoryMegabytes = 0;
  /** Most rows that a replica applied in a second. */
  rowsPerSecond = 0;
  /** Looks at files. */
  fileLooks = 0;
  readonly #options: { readonly replicas: () => readonly WatchedReplica[]; readonly violations: Violations };
  readonly #known = new Map<string, Map<string, number>>();
  readonly #rows = new Map<string, { rows: number; atMs: number }>();
  #timer: NodeJS.Timeout | undefined;
  #looks = 0;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly replicas: () => readonly WatchedReplica[];
    readonly violations: Violations;
  }) {
    this.#options = options;
  }

  /** Begins to look, once a second. */
  start(): void {
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, lookEveryMs);
  }

  /** Ends; resolves when no look is under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** The directory of `replica` is another one from now on. Call while it is down. */
  forget(replica: string): void {
    this.#known.delete(replica);
    this.#rows.delete(replica);
  }

  /** How far each origin was at the last look at a file. */
  known(replica: string): ReadonlyMap<string, number> {
    return this.#known.get(replica) ?? new Map();
  }

  /** Compares a look at a file with the one before. */
  grew(replica: string, growth: readonly OriginGrowth[]): void {
    const { violations } = this.#options;
    const known = this.known(replica);
    for (const { name, seq, newRows } of growth) {
      const before = known.get(name) ?? 0;
      if (seq < before) violations.add('I3', 'went back', `${replica}: ${name} from ${before} to ${seq}`);
      else if (newRows !== seq - before)
        violations.add('I3', 'hole', `${replica}: ${name} says ${seq}, has ${before} + ${newRows} rows`);
    }
    const gone = [...known.keys()].filter((name) => !growth.some((one) => one.name === name));
    for (const name of gone) violations.add('I3', 'went back', `${replica}: ${name} is gone`);
    this.#known.set(replica, new Map(growth.map(({ name, seq }) => [name, seq])));
  }

  async #look(): Promise<void> {
    const replicas = this.#options.replicas();
    this.#looks += 1;
    await Promise.all(replicas.map((replica) => this.#lookAtProcess(replica)));
    const next = replicas[Math.floor(this.#looks / looksPerFile) % replicas.length];
    if (this.#looks % looksPerFile === 0 && next !== undefined) this.#lookAtFile(next);
  }

  async #lookAtProcess({ name, url, pid }: WatchedReplica): Promise<void> {
    this.memoryMegabytes = Math.max(this.memoryMegabytes, residentMegabytes(pid) ?? 0);
    const look = await lookAt(url);
    if (look === null) return;
    const [before, atMs] = [this.#rows.get(name), performance.now()];
    this.#rows.set(name, { rows: look.rows, atMs });
    if (before === undefined || atMs - before.atMs < 500) return;
    const rate = ((look.rows - before.rows) * 1000) / (atMs - before.atMs);
    this.rowsPerSecond = Math.max(this.rowsPerSecond, Math.round(rate));
  }

  #lookAtFile({ name, database }: WatchedReplica): void {
    try {
      this.grew(name, originGrowth(database, this.known(name)));
      this.fileLooks += 1;
    } catch (error) {
      // A directory just taken away, a file just damaged or just being made: there is nothing to look at.
      if (!/unable to open|no such table|disk I\/O|not a database|malformed/.test(String(error))) throw error;
    }
  }
}

/** Reads from a file, in one transaction, how far each origin is and how many rows came since `known`. */
export function originGrowth(file: string, known: ReadonlyMap<string, number>): OriginGrowth[] {
  const database = new DatabaseSync(file, { readOnly: true, timeout: 2000 });
  try {
    database.exec('BEGIN');
    const count = database.prepare('SELECT count(*) AS n FROM orders WHERE origin = ? AND seq > ?');
    return database
      .prepare('SELECT id, name, seq FROM replication_origin WHERE seq > 0')
      .all()
      .map(({ id, name, seq }) => ({
        name: String(name),
        seq: Number(seq),
        newRows: Number(count.get(Number(id), known.get(String(name)) ?? 0)?.n),
      }));
  } finally {
    database.close();
  }
}
