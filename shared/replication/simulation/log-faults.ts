/**
 * What befalls the log: its tail is lost, it is made anew, cut by retention, written to by strangers.
 *
 * Where records go, the last copy of a row may go with them; the ledger is told.
 */
import type { LogRecord } from '../src/change-log.ts';
import type { FaultUnderWay } from './fault.ts';
import type { FaultGround } from './fault-ground.ts';
import { elementAt } from './seeded-random.ts';

/** What comes to stand where records were lost. */
export interface Loss {
  /** Others take the offsets at once. */
  readonly isRefilled: boolean;
}

/** The last records of a partition are lost. */
export function truncateTail(ground: FaultGround, fault: FaultUnderWay, { isRefilled }: Loss): void {
  const { broker, log } = ground.cluster;
  ground.until(fault, async () => {
    const found = elementAt(filled(ground), fault.planned.pick);
    if (!found) return undefined;
    const { partition, low, end } = found;
    const offset = Math.max(low, end - 1 - Math.floor(fault.planned.also * 12));
    const lost = broker.records(partition).filter((record) => record.offset >= offset);
    await ground.cluster.destroy(fault.planned.kind, () => {
      log.truncate(partition, offset);
      ground.lostRecords();
      // Others take the offsets at once, the later half of what was there among them.
      if (isRefilled) {
        const records = lost.slice(Math.ceil(lost.length / 2));
        refill(ground, { partition, records, count: end - offset + 2 });
      }
      // A log loses its tail when another broker becomes the leader, and readers notice that one is another.
      broker.interruptReaders();
    });
    return lost.length > 0 ? `${lost.length} records of partition ${partition}` : undefined;
  });
}

/** The topic is deleted with everything in it and made anew. */
export function recreateTopic(ground: FaultGround, fault: FaultUnderWay, { isRefilled }: Loss): void {
  const { broker, log } = ground.cluster;
  ground.until(fault, async () => {
    const before = broker
      .offsets()
      .map(({ partition, end }) => ({ end, records: broker.records(partition) }));
    const lost = broker.allRecords().length;
    if (lost === 0) return undefined;
    await ground.cluster.destroy(fault.planned.kind, () => {
      log.recreate({ areReadersInterrupted: fault.planned.also < 0.5 });
      ground.lostRecords();
      if (!isRefilled) return;
      for (const [partition, { end, records }] of before.entries()) {
        const again = records.slice(Math.floor(records.length * fault.planned.also));
        refill(ground, { partition, records: again, count: end + 2 });
      }
    });
    return `${lost} records`;
  });
}

/** Retention removes the first records of a partition. */
export function passRetention(ground: FaultGround, fault: FaultUnderWay): void {
  const { broker, log } = ground.cluster;
  ground.until(fault, async () => {
    if (!ground.mayCut()) return undefined;
    const found = elementAt(filled(ground), fault.planned.pick);
    if (!found) return undefined;
    const { partition, low, end } = found;
    const offset = low + 1 + Math.floor(fault.planned.also * (end - low));
    const before = broker.records(partition).length;
    await ground.cluster.destroy(fault.planned.kind, () => log.cut(partition, Math.min(offset, end)));
    const cut = before - broker.records(partition).length;
    return cut > 0 ? `${cut} records of partition ${partition}` : undefined;
  });
}

/** Offsets are taken by what is no record: a marker, or a gap. */
export function useOffsets(ground: FaultGround, fault: FaultUnderWay): void {
  const { broker } = ground.cluster;
  const partition = Math.floor(fault.planned.pick * broker.partitions);
  if (fault.planned.also < 0.5) broker.appendMarker(partition);
  else broker.appendGap(partition, 1 + Math.floor(fault.planned.also * 4));
  fault.held(`partition ${partition} has offsets without records`);
}

/** A stranger writes something else. */
export function sendGarbage(ground: FaultGround, fault: FaultUnderWay): void {
  const { broker } = ground.cluster;
  const partition = Math.floor(fault.planned.pick * broker.partitions);
  broker.appendRaw(partition, {
    key: null,
    value: Buffer.from(`garbage ${fault.planned.also}`),
    headers: {},
  });
  fault.held(`partition ${partition} holds something else`);
}

/** Events of before come again, maybe in another partition. */
export function sendAgain(ground: FaultGround, fault: FaultUnderWay): void {
  const { broker } = ground.cluster;
  ground.until(fault, () => {
    const from = elementAt(filled(ground), fault.planned.pick);
    if (!from) return undefined;
    const records = broker.records(from.partition).filter(({ isMarker }) => !isMarker);
    const first = Math.floor(fault.planned.also * records.length);
    const again = records.slice(first, first + 5);
    if (again.length === 0) return undefined;
    const partition = Math.floor(fault.planned.also * broker.partitions);
    for (const record of again) broker.appendRaw(partition, record);
    return `${again.length} records come again`;
  });
}

/** Partitions with at least one record. */
function filled({ cluster }: FaultGround): { partition: number; low: number; end: number }[] {
  const { broker } = cluster;
  return broker
    .offsets()
    .filter(({ partition }) => broker.records(partition).some(({ isMarker }) => !isMarker));
}

/** Appends records again and again, until `count` offsets are taken. */
function refill(
  { cluster }: FaultGround,
  options: { readonly partition: number; readonly records: readonly LogRecord[]; readonly count: number },
): void {
  const { partition, records, count } = options;
  const carrying = records.filter(({ isMarker }) => !isMarker);
  for (let i = 0; i < count; i += 1) {
    const record = carrying[i % Math.max(1, carrying.length)];
    if (record) cluster.broker.appendRaw(partition, record);
    else cluster.broker.appendMarker(partition);
  }
}
