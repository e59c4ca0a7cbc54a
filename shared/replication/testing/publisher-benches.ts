/**
 * Benches of several replicas, or of several runs of one, over one broker in memory: published and read by hand, so
 * that a test says who appends when. All are closed together.
 */
import type { Surroundings } from '../src/surroundings.ts';
import { type ApplierBench, openApplierBench } from './applier-bench.ts';
import { originName } from './foreign-run.ts';
import type { MemoryBroker } from './memory-broker.ts';
import { note } from './notes-table.ts';

/** What a test may choose of one bench. */
export interface PublisherBenchOptions {
  readonly maxRows?: number;
  readonly maxBytes?: number;
  readonly world?: Partial<Surroundings>;
  /** The database of another bench, for a later run on it. */
  readonly file?: string;
  /** Which run of the replica it is, if not the first. */
  readonly run?: number;
}

/** Benches over one broker. */
export class PublisherBenches {
  readonly #broker: MemoryBroker;
  readonly #opened: ApplierBench[] = [];

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  /** Opens a bench whose publisher knows of no log yet. */
  async openApart(id: string, { run, ...options }: PublisherBenchOptions = {}): Promise<ApplierBench> {
    const bench = await openApplierBench({ broker: this.#broker, own: originName(id, run), ...options });
    this.#opened.push(bench);
    return bench;
  }

  /** Opens a bench whose publisher has the log. */
  async open(id: string, options?: PublisherBenchOptions): Promise<ApplierBench> {
    const bench = await this.openApart(id, options);
    bench.publisher.connected(this.#broker.partitions);
    return bench;
  }

  /** Closes all; a later run before the one whose file it is on. */
  async close(): Promise<void> {
    for (const bench of this.#opened.reverse()) await bench.close();
  }
}

/** Writes notes with these ids. */
export async function writeNotes(bench: ApplierBench, ...ids: string[]): Promise<void> {
  await Promise.all(ids.map((id) => bench.writer.insert(bench.table('notes'), note(id))));
}

/** Publishes until there is nothing to do at once; says how long it wants to wait then. */
export async function publishAll(bench: ApplierBench): Promise<number> {
  for (let steps = 0; steps < 100; steps += 1) {
    const waitMs = await bench.publisher.publishOnce();
    if (waitMs > 0) return waitMs;
  }
  throw new Error('the publisher does not come to rest');
}

/** What the log holds, as `replica:seq`. */
export function rowsInLog(broker: MemoryBroker): string[] {
  return broker
    .allRecords()
    .map(({ headers }) => `${headers.ce_origin}:${headers.ce_seq}`.replace(/\..*:/, ':'));
}
