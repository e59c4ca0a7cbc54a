/**
 * An applier and a publisher on a workbench, over a broker in memory: reads are handed over by the test, one at a
 * time, so that every piece, gap, jump and repetition is the test's own.
 */
import { Applier } from '../src/applier.ts';
import type { PlanContext } from '../src/apply-plan.ts';
import { type LogRead, type LogRecord, nextOffset } from '../src/change-log.ts';
import { Milestones } from '../src/milestones.ts';
import { loadPositions, type Position } from '../src/positions.ts';
import { Publisher } from '../src/publisher.ts';
import { ReadAhead } from '../src/read-ahead.ts';
import { loadStalls, type Stall } from '../src/stalls.ts';
import { testCluster } from './foreign-run.ts';
import { MemoryBroker } from './memory-broker.ts';
import { openWorkbench, type Workbench, type WorkbenchOptions } from './workbench.ts';

/** Topic of the bench. */
export const benchTopic = 'notes.changes';

/** A bench with the parts between log and database. */
export interface ApplierBench extends Workbench {
  readonly applier: Applier;
  readonly publisher: Publisher;
  readonly broker: MemoryBroker;
  readonly arrivals: Milestones;
  readonly positions: Map<number, Position>;
  readonly stalls: Map<string, Stall>;
  /** What planning looks at, for tests of the plan alone. */
  planContext(): PlanContext;
  /**
   * Hands over what the broker's partition holds from where the applier wants it, as a reader would, until the end;
   * at most `maxRecords` at a time (default 500). Says how many reads it took.
   */
  readAll(partition: number, maxRecords?: number): Promise<number>;
}

/** Opens the bench. */
export async function openApplierBench(
  options: WorkbenchOptions & { broker?: MemoryBroker; maxRows?: number; maxBytes?: number } = {},
): Promise<ApplierBench> {
  const { broker = new MemoryBroker({ isStepped: true }), maxRows = 500, maxBytes = 524_288 } = options;
  const bench = await openWorkbench(options);
  const { writer, history, origins, chain, world, own, ownTail } = bench;
  const { reader } = bench.database;
  const { cluster } = testCluster;
  const positions = await loadPositions(reader, benchTopic);
  const stalls = await loadStalls(reader, benchTopic);
  const arrivals = new Milestones({ clock: bench.clock, maxWaiters: 100 });
  const publisher = new Publisher({
    log: broker.connect().log,
    cluster,
    chain,
    reader,
    history,
    origins,
    ownTail,
    writer,
    world,
    acknowledgedBefore: new Map(),
    maxRows,
    maxBytes,
    maxWaiters: 100,
  });
  const schemaVersion = options.description?.version ?? 1;
  const parts = {
    topic: benchTopic,
    chain,
    history,
    origins,
    reader,
    own: own.name,
    ownTail,
    schemaVersion,
    stalls,
  };
  const applier = new Applier({
    ...parts,
    writer,
    publisher,
    positions,
    arrivals,
    world,
    versionStored: () => undefined,
  });
  const now = '2026-01-02T03:04:05.678Z';
  return {
    ...bench,
    applier,
    publisher,
    broker,
    arrivals,
    positions,
    stalls,
    planContext: () => ({ ...parts, readAhead: new ReadAhead(bench), isCut: false, now }),
    readAll: async (partition, maxRecords = 500) => {
      let from = applier.startOf(partition);
      for (let reads = 1; ; reads += 1) {
        const { end = 0 } = broker.offsets()[partition] ?? {};
        const read = pieceOf(broker.records(partition), { partition, from, maxRecords, end });
        const answer = await applier.applyBatch(read);
        from = answer === 'go on' ? read.next : applier.startOf(partition);
        if (applier.position(partition).next >= end) return reads;
        if (reads > 1000) throw new Error('the applier does not get to the end');
      }
    },
  };
}

/** The piece of a partition that a reader standing at `from` would hand over. */
export function pieceOf(
  records: readonly LogRecord[],
  { partition, from, maxRecords, end }: { partition: number; from: number; maxRecords: number; end: number },
): LogRead {
  const all = records.filter(({ offset }) => offset >= from);
  const piece = all.slice(0, maxRecords);
  const last = piece.at(-1);
  const next = piece.length === all.length || !last ? end : nextOffset(last);
  return { partition, from, records: piece, next, end };
}
