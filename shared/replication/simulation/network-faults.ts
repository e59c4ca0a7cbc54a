/**
 * What befalls the way between replicas and the broker: nobody gets through, one is cut off, an answer is lost, a
 * request arrives twice, a byte changes.
 */
import type { AppendAmbush, ReadAmbush, RefusalAmbush } from './ambushes.ts';
import type { FaultUnderWay } from './fault.ts';
import type { FaultGround } from './fault-ground.ts';
import type { Machine } from './machine.ts';

/** Nobody reaches the broker, until its time is over and a request was seen to go without an answer. */
export function takeBrokerAway(ground: FaultGround, fault: FaultUnderWay): void {
  const { ambushes, cluster } = ground;
  const { broker, scheduler } = cluster;
  const untilMs = scheduler.nowMs + fault.planned.forMs;
  broker.setReachable(false);
  let refused = 0;
  const hear: RefusalAmbush = () => {
    refused += 1;
  };
  ambushes.refusals.push(hear);
  ground.until(fault, () => {
    broker.setReachable(false);
    if (refused === 0 || scheduler.nowMs < untilMs) return undefined;
    ambushes.refusals = ambushes.refusals.filter((one) => one !== hear);
    broker.setReachable(true);
    return `${refused} requests without an answer`;
  });
}

/** One replica reaches neither the broker nor others, until its time is over and it was seen to get no answer. */
export function cutOff(ground: FaultGround, fault: FaultUnderWay): void {
  const { ambushes, cluster } = ground;
  const { scheduler } = cluster;
  const untilMs = scheduler.nowMs + fault.planned.forMs;
  let machine: Machine | undefined;
  let refused = 0;
  const hear: RefusalAmbush = (one) => {
    if (one === machine) refused += 1;
  };
  ambushes.refusals.push(hear);
  ground.until(fault, () => {
    if (machine === undefined || machine.isRemoved) machine = ground.open(fault.planned.pick);
    if (machine === undefined) return undefined;
    machine.isCutOff = true;
    if (refused === 0 || scheduler.nowMs < untilMs) return undefined;
    ambushes.refusals = ambushes.refusals.filter((one) => one !== hear);
    machine.isCutOff = false;
    return `${refused} requests of ${machine.id} without an answer`;
  });
}

/** The next append loses its answer, or arrives twice. */
export function spoilAppend(ground: FaultGround, fault: FaultUnderWay, kind: AppendAmbush['kind']): void {
  ground.ambushes.appends.push({ kind, held: () => fault.held(kind) });
}

/** A bit of the last record of a read changes on its way to a replica. */
export function flipByte(ground: FaultGround, fault: FaultUnderWay): void {
  const flip: ReadAmbush = (read, machine) => {
    const victim = read.records.findLast(({ isMarker, value }) => !isMarker && (value?.length ?? 0) > 0);
    if (!victim?.value) return undefined;
    const value = Buffer.from(victim.value);
    const at = Math.floor(fault.planned.also * value.length);
    value[at] = (value[at] ?? 0) ^ 1;
    fault.held(`${machine.id} reads offset ${victim.offset} of partition ${read.partition} changed`);
    return { ...read, records: read.records.map((one) => (one === victim ? { ...one, value } : one)) };
  };
  ground.ambushes.reads.push(flip);
}
