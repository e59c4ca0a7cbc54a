/**
 * The parts around one database, wired for unit tests: file, tables, origins, history, chain and a writer whose
 * commits run by themselves (or by hand).
 */
import { join } from 'node:path';
import type { Chain } from '../src/chain.ts';
import { History } from '../src/history.ts';
import { type Origin, Origins } from '../src/origins.ts';
import { OwnTail } from '../src/own-tail.ts';
import { createTables } from '../src/schema.ts';
import { type Database, openDatabase } from '../src/sqlite.ts';
import { type Observe, type Surroundings, silentLogger, systemRandom } from '../src/surroundings.ts';
import { type DatabaseDescription, defineTable, type Table } from '../src/table.ts';
import { Writer, type WriterOptions } from '../src/writer.ts';
import { originName, testChain } from './foreign-run.ts';
import { notesDatabase } from './notes-table.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { temporaryDirectory } from './test-replica.ts';

/** What a test may choose. */
export interface WorkbenchOptions {
  readonly description?: DatabaseDescription;
  /** Name of the own run. */
  readonly own?: string;
  /** An existing file; it is not removed. */
  readonly file?: string;
  /** True: nothing is committed before the test calls `writer.commitOnce()`. */
  readonly isManual?: boolean;
  readonly observe?: Observe;
  readonly writer?: Partial<WriterOptions>;
  /** What surrounds the parts differently. */
  readonly world?: Partial<Surroundings>;
}

/** One database on the bench. */
export interface Workbench {
  readonly file: string;
  readonly database: Database;
  readonly tables: readonly Table[];
  readonly history: History;
  readonly origins: Origins;
  readonly own: Origin;
  readonly ownTail: OwnTail;
  readonly chain: Chain;
  readonly writer: Writer;
  readonly clock: SimulatedClock;
  readonly world: Surroundings;
  /** What a commit threw; it would end the process. */
  readonly failures: unknown[];
  table(name: string): Table;
  close(): Promise<void>;
}

/** Opens a database and what stands around it. */
export async function openWorkbench(options: WorkbenchOptions = {}): Promise<Workbench> {
  const directory = temporaryDirectory();
  const description = options.description ?? notesDatabase;
  const tables = description.tables.map(defineTable);
  const file = options.file ?? join(directory.path, 'notes.db');
  const database = await openDatabase({ file, busyTimeoutMs: 50 });
  await createTables(database.writer, tables);
  const history = new History(tables);
  const origins = await Origins.load(database.reader);
  const own = origins.fresh(options.own ?? originName('own'), { isMinted: true });
  const ownTail = new OwnTail(own.name);
  const clock = new SimulatedClock();
  const observe = options.observe ?? (() => undefined);
  const failures: unknown[] = [];
  let committing = Promise.resolve();
  const commit = async (): Promise<void> => {
    try {
      await writer.commitOnce();
    } catch (error) {
      failures.push(error);
    }
  };
  const writer = new Writer({
    connection: database.writer,
    history,
    origins,
    own,
    chain: testChain,
    schemaVersion: () => description.version,
    maxQueued: 1000,
    maxRowBytes: 65_536,
    observe,
    assertAlone: () => undefined,
    wake: () => {
      if (options.isManual !== true) committing = committing.then(commit);
    },
    committed: (_own, _version, rows) => ownTail.add(rows),
    ...options.writer,
  });
  return {
    file,
    database,
    tables,
    history,
    origins,
    own,
    ownTail,
    chain: testChain,
    writer,
    clock,
    world: { clock, random: systemRandom, logger: silentLogger, observe, ...options.world },
    failures,
    table: (name) => {
      const found = history.table(name);
      if (!found) throw new Error(`no table ${name}`);
      return found;
    },
    close: async () => {
      await committing;
      await database.close();
      directory.remove();
    },
  };
}
