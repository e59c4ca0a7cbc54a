/**
 * A trial: one replica is killed with rows that nobody else has, its database is damaged, and it is started again
 * beside a live peer. Judged: was it found, kept, reported; is everything there that could be; is nothing there that
 * should not be; and did nothing damaged get out?
 *
 * Real library, real SQLite, a broker in memory. Same seed, same rows and the same kind of damage; how rows fall into
 * commits, and so onto pages, is the machine's.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { decodeRecord } from '../src/change-event.ts';
import { isReplicationError } from '../src/errors.ts';
import type { Replica } from '../src/replica.ts';
import { openConnection } from '../src/sqlite.ts';
import { realSurroundings, silentLogger } from '../src/surroundings.ts';
import type { Row } from '../src/table.ts';
import { DAMAGES, type Damage, damageDatabase, SeededNumbers } from './damage.ts';
import { testChain } from './foreign-run.ts';
import { MemoryBroker } from './memory-broker.ts';
import { MemoryPeers } from './memory-peers.ts';
import { note } from './notes-table.ts';
import { fastClock } from './simulated-clock.ts';
import { startReplica } from './test-replica.ts';
import { waitUntil } from './wait-until.ts';

/** What came of one trial; `problems` is empty when everything is as it must be. */
export interface TrialResult {
  readonly seed: number;
  readonly kind: Damage;
  readonly damage: string;
  /** `harmless`: nothing that is used was hit, and the file is whole by every check. */
  readonly outcome: 'set aside' | 'short' | 'harmless';
  readonly unpublished: number;
  readonly salvaged: number;
  readonly renewed: number;
  /** Acknowledged rows that are nowhere any more. */
  readonly lost: number;
  readonly problems: readonly string[];
}

/** Files in memory: a trial commits hundreds of times, and what a disk does then is not its subject. */
const MEMORY_DISK = '/dev/shm';

const CLOCK_SPEED = 20;
const STARTS = 5;

/** Rows that are written at once: some commits hold several. */
const ROWS_AT_ONCE = 12;

/** Folders of trials under way. */
const folders = new Set<string>();

/** Removes what trials under way have on the disk, for a process that ends before they do. */
export function removeTrialFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Runs the trial of a seed. */
export async function runDamageTrial(seed: number): Promise<TrialResult> {
  const numbers = new SeededNumbers(seed);
  const kind = DAMAGES[seed % DAMAGES.length] ?? 'the header';
  const directory = mkdtempSync(join(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir(), 'dbsync-damage-'));
  folders.add(directory);
  const trial = new Trial(directory, numbers);
  try {
    return await trial.run(seed, kind);
  } finally {
    await trial.stop();
    rmSync(directory, { recursive: true, force: true });
    folders.delete(directory);
  }
}

type Running = Awaited<ReturnType<typeof startReplica>>;

class Trial {
  readonly #directory: string;
  readonly #numbers: SeededNumbers;
  /** Without a check at the start, damage is found by whoever comes across it, or by the scrub. */
  readonly #startCheckMs: number;
  readonly #broker = new MemoryBroker();
  readonly #peers = new MemoryPeers();
  readonly #running = new Map<string, Running>();
  /** Starts since the damage. */
  #starts = 0;
  /** Every row that was acknowledged, by key. */
  readonly #rows = new Map<string, Row>();

  constructor(directory: string, numbers: SeededNumbers) {
    this.#directory = directory;
    this.#numbers = numbers;
    this.#startCheckMs = numbers.pick([0, 60_000, 60_000]);
  }

  async run(seed: number, kind: Damage): Promise<TrialResult> {
    const peer = await this.#start('b');
    const victim = await this.#start('a');
    await this.#insert(peer.replica, 'b', 5 + this.#numbers.below(60));
    await this.#insert(victim.replica, 'a', 20 + this.#numbers.below(150));
    await this.#untilEqual();
    if (this.#numbers.below(3) > 0) await this.#checkpoint();
    victim.client?.setCut(true);
    const unpublished = 1 + this.#numbers.below(60);
    await this.#insert(victim.replica, 'late', unpublished);
    // Some of what nobody else has may be in the file itself, not only in its log.
    if (this.#numbers.below(2) > 0) {
      await this.#checkpoint();
      await this.#insert(victim.replica, 'last', 1 + this.#numbers.below(20));
    }
    const copy = this.#copy();
    const foreignLog = readFileSync(`${this.#file('b')}-wal`);
    await this.#end('a');
    this.#putBack(copy);
    const damage = damageDatabase(this.#file('a'), { kind, numbers: this.#numbers, foreignLog });
    const damaged = readFileSync(this.#file('a'));
    const damagedLog = existsSync(`${this.#file('a')}-wal`)
      ? readFileSync(`${this.#file('a')}-wal`)
      : undefined;
    await this.#startUntilWell();
    return this.#judge({ seed, kind, damage, damaged, damagedLog, unpublished });
  }

  async stop(): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.#end(name);
  }

  #file(name: string): string {
    return join(this.#directory, name, 'notes.db');
  }

  async #start(name: string): Promise<Running> {
    const url = `http://127.0.0.1:1/${name}`;
    const { log, channel, client } = this.#broker.connect();
    const running = await startReplica(name, {
      directory: this.#directory,
      url: () => url,
      replication: { topic: 'notes.changes', log, channel, callPeer: this.#peers.callPeer },
      limits: { startCheckMs: this.#startCheckMs, scrubPercent: 50, scrubPauseMs: 2000, drainMs: 0 },
      world: { ...realSurroundings(silentLogger), clock: fastClock(CLOCK_SPEED) },
    });
    this.#running.set(name, { ...running, client });
    this.#peers.set(url, running.replica);
    return { ...running, client };
  }

  async #end(name: string): Promise<void> {
    this.#peers.set(`http://127.0.0.1:1/${name}`, undefined);
    await this.#running.get(name)?.replica.stop();
    this.#running.delete(name);
  }

  async #insert(replica: Replica, name: string, count: number): Promise<void> {
    await waitUntil(`${name} may write`, () => replica.readiness().ready);
    let waiting: Promise<unknown>[] = [];
    for (let i = 0; i < count; i += 1) {
      const id = `${name}-${i}`;
      const words = 1 + this.#numbers.below(this.#numbers.below(10) === 0 ? 400 : 30);
      const text = Array.from({ length: words }, () => this.#numbers.below(1_000_000).toString(36)).join(' ');
      const row = note(id, text);
      waiting.push(replica.insert('notes', row, { concern: 'local' }).then(() => this.#rows.set(id, row)));
      if (waiting.length < ROWS_AT_ONCE && i < count - 1) continue;
      await Promise.all(waiting);
      waiting = [];
    }
  }

  async #checkpoint(): Promise<void> {
    const connection = await openConnection(this.#file('a'));
    await connection.all('PRAGMA wal_checkpoint(PASSIVE)');
    await connection.close();
  }

  /** What is on the disk at this moment, as a kill would leave it: closing in order would tidy it up. */
  #copy(): string {
    const copy = join(this.#directory, 'copy');
    mkdirSync(copy);
    const folder = dirname(this.#file('a'));
    for (const name of readdirSync(folder)) {
      if (name.startsWith('notes.db') && !name.endsWith('-shm'))
        copyFileSync(join(folder, name), join(copy, name));
    }
    return copy;
  }

  #putBack(copy: string): void {
    const folder = dirname(this.#file('a'));
    for (const name of readdirSync(folder)) if (name.startsWith('notes.db')) rmSync(join(folder, name));
    for (const name of readdirSync(copy)) copyFileSync(join(copy, name), join(folder, name));
  }

  /** A supervisor: starts the replica again each time that it ends. */
  async #startUntilWell(): Promise<void> {
    while (this.#starts < STARTS) {
      this.#starts += 1;
      const { replica, failures } = await this.#start('a');
      const look = async (): Promise<boolean | string> => {
        if (failures.length > 0) return true;
        const status = await replica.status();
        const isDone =
          status.damage.state === 'none' &&
          status.scrub.passes > 0 &&
          status.scrub.problems.length === 0 &&
          status.state === 'live';
        return (isDone && (await this.#isEqual()) === true) || JSON.stringify(status);
      };
      // A read that comes across the damage is refused, and the replica says that it has to end.
      const isWell = (): Promise<boolean | string> =>
        look().catch((error: unknown) => {
          if (isReplicationError(error, 'database-damaged') && failures.length > 0) return true;
          throw error;
        });
      await waitUntil('the damaged replica is well', isWell, 30_000);
      if (failures.length === 0) return;
      await this.#end('a');
    }
    throw new Error(`still not well after ${STARTS} starts`);
  }

  #untilEqual(): Promise<void> {
    return waitUntil('equal digests', () => this.#isEqual());
  }

  async #isEqual(): Promise<boolean | string> {
    const all = await Promise.all([...this.#running.values()].map(({ replica }) => replica.status()));
    const isQuiet = all.every(
      ({ unpublished, lag, rows }) => unpublished === 0 && lag.records === 0 && rows > 0,
    );
    return (isQuiet && new Set(all.map(({ digest }) => digest)).size === 1) || JSON.stringify(all);
  }

  async #judge(done: {
    seed: number;
    kind: Damage;
    damage: string;
    damaged: Buffer;
    damagedLog: Buffer | undefined;
    unpublished: number;
  }): Promise<TrialResult> {
    const { seed, kind, damage, damaged, damagedLog, unpublished } = done;
    const problems: string[] = [];
    const last = (await this.#running.get('a')?.replica.status())?.damage.last ?? null;
    const missing = new Set(this.#rows.keys());
    for (const [name, { replica }] of this.#running) {
      const rows = await replica.reads.all<{ note_id: string } & Record<string, string>>(
        'SELECT note_id, text, stars, weight, created_at FROM notes WHERE superseded = 0',
      );
      for (const row of rows) {
        const expected = this.#rows.get(row.note_id);
        if (!expected) problems.push(`${name} holds ${row.note_id}, which nobody wrote`);
        else if (JSON.stringify(row) !== JSON.stringify(expected))
          problems.push(`${name}: ${row.note_id} is not what was written`);
        missing.delete(row.note_id);
      }
      const deep = await replica.deepCheck();
      if (deep.problems.length > 0 || deep.digest !== deep.expected)
        problems.push(`${name}: ${JSON.stringify(deep)}`);
    }
    for (const record of this.#broker.allRecords()) {
      const { refusal } = decodeRecord(record, testChain) as { refusal?: string };
      if (refusal !== undefined) problems.push(`the log holds a record that is damaged: ${refusal}`);
    }
    for (const key of missing) {
      if (!/^(late|last)-/.test(key)) problems.push(`${key} was published and is gone`);
    }
    if (missing.size > 0 && !last) problems.push(`${missing.size} rows are lost, and nothing says so`);
    if (last && last.lost !== null && last.lost < missing.size) {
      problems.push(`${missing.size} rows are lost, and the report says ${last.lost}`);
    }
    if (last?.keptAs) {
      const kept = [last.keptAs, `${last.keptAs}-wal`].map((one) =>
        existsSync(one) ? readFileSync(one) : undefined,
      );
      const isLogOnly = kept[0]?.length === 0;
      // What was opened before it was found to be damaged was written to.
      const isUntouched = this.#starts === 1 && this.#startCheckMs > 0;
      if (isUntouched && !isLogOnly && !kept[0]?.equals(damaged)) {
        problems.push('the damaged file was not kept as it was');
      }
      if (isUntouched && kept[1] && damagedLog && !kept[1].equals(damagedLog))
        problems.push('the log was not kept as it was');
      if (isLogOnly && !kept[1]) problems.push('nothing was kept');
    }
    return {
      seed,
      kind,
      damage,
      outcome: outcomeOf(last?.keptAs),
      unpublished,
      salvaged: last?.salvaged ?? 0,
      renewed: last?.renewed ?? 0,
      lost: missing.size,
      problems,
    };
  }
}

/** Where only the log was kept, the file went on being used. */
function outcomeOf(keptAs: string | null | undefined): TrialResult['outcome'] {
  if (keptAs === undefined) return 'harmless';
  return keptAs === null || (readFileSync(keptAs).length === 0 && existsSync(`${keptAs}-wal`))
    ? 'short'
    : 'set aside';
}
