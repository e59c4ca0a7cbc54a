/**
 * A bench whose applier stands before one partition of the log, the first one, which holds rows of a foreign run: the
 * test puts them there and hands over each read, so that it says what a read shows and where it starts.
 */
import type { ChangeEvent } from '../src/change-event.ts';
import type { LogRead } from '../src/change-log.ts';
import { type ApplierBench, openApplierBench, pieceOf } from './applier-bench.ts';
import { ForeignRun, originName, rawRecord } from './foreign-run.ts';
import { MemoryBroker } from './memory-broker.ts';
import { note } from './notes-table.ts';

/** Such a bench. */
export interface PartitionBench extends ApplierBench {
  readonly run: ForeignRun;
  /** The next events of the run, which are in the log only if the test puts them there. */
  write(count: number): ChangeEvent[];
  /** Puts the next events of the run at the end of the partition. */
  append(count: number): void;
  /** A read of the partition as a consumer at `from` makes it, of at most `maxRecords` (default 500). */
  readFrom(from: number, maxRecords?: number): LogRead;
  /** How many rows of the run are applied. */
  applied(): number;
  /** Offset that the position has come to. */
  next(): number;
}

/** Opens one. */
export async function openPartitionBench(): Promise<PartitionBench> {
  const broker = new MemoryBroker({ isStepped: true, partitions: 2 });
  const bench = await openApplierBench({ broker });
  const run = new ForeignRun(originName('a'));
  let written = 0;
  const write = (count: number): ChangeEvent[] =>
    Array.from({ length: count }, () => run.write(note(`n${written++}`)));
  return {
    ...bench,
    run,
    write,
    append: (count) => {
      for (const event of write(count)) broker.appendRaw(0, rawRecord(event));
    },
    readFrom: (from, maxRecords = 500) => {
      const { end = 0 } = broker.offsets()[0] ?? {};
      return pieceOf(broker.records(0), { partition: 0, from, maxRecords, end });
    },
    applied: () => bench.origins.get(run.origin)?.seq ?? 0,
    next: () => bench.applier.position(0).next,
  };
}
