/**
 * What befalls whole replicas and their directories: one more, one gone for good, one put back to an old copy, one whose
 * disk is full.
 *
 * What a directory takes along when it goes may have been the last copy of a row; the ledger is told.
 */
import type { FaultUnderWay } from './fault.ts';
import type { FaultGround } from './fault-ground.ts';
import type { Machine } from './machine.ts';
import { elementAt } from './seeded-random.ts';

/** Replicas that run at most and at least. */
const MOST = 5;
const FEWEST = 3;

/** A replica more; where there are as many as may be, another one goes. */
export function addReplica(ground: FaultGround, fault: FaultUnderWay): void {
  const { cluster } = ground;
  ground.until(fault, async () => {
    const { kept } = cluster;
    const machine = elementAt(kept, fault.planned.also);
    if (kept.length >= MOST && machine) await remove(ground, fault, machine);
    const added = cluster.add();
    return `${added.id} is new`;
  });
}

/** A replica is gone with its disk; where there are as few as may be, a new one comes. */
export function removeReplica(ground: FaultGround, fault: FaultUnderWay): void {
  const { cluster } = ground;
  ground.until(fault, async () => {
    const { kept } = cluster;
    const machine = elementAt(kept, fault.planned.pick);
    if (!machine) return undefined;
    if (kept.length <= FEWEST) cluster.add();
    await remove(ground, fault, machine);
    return `${machine.id} is gone`;
  });
}

/** Where there are as many replicas as may be, one is removed for good. */
export function makeRoom(ground: FaultGround, fault: FaultUnderWay): void {
  const { kept, scheduler } = ground.cluster;
  const machine = elementAt(kept, fault.planned.also);
  if (kept.length < MOST || !machine) return;
  void scheduler.whole(() => remove(ground, fault, machine));
}

/** A directory is put back to a copy of some time ago. */
export function restoreOldCopy(ground: FaultGround, fault: FaultUnderWay): void {
  const { scheduler } = ground.cluster;
  let machine: Machine | undefined;
  let dueMs = 0;
  ground.until(fault, async () => {
    if (machine === undefined || machine.isRemoved) {
      machine = ground.open(fault.planned.pick);
      machine?.backUp();
      dueMs = scheduler.nowMs + 500 + 3000 * fault.planned.also;
    }
    if (machine === undefined || scheduler.nowMs < dueMs) return undefined;
    return putBack(ground, fault, machine);
  });
}

/** A disk has no room for a while, and a write is seen to be refused. */
export function fillDisk(ground: FaultGround, fault: FaultUnderWay): void {
  const { cluster, clients } = ground;
  const { scheduler } = cluster;
  let altered: Machine['life'];
  const untilMs = scheduler.nowMs + fault.planned.forMs;
  ground.until(fault, async () => {
    const machine = altered && !altered.isDead ? cluster.machineOf(altered) : ground.open(fault.planned.pick);
    const { life } = machine ?? {};
    if (!machine || !life) return undefined;
    // SQLite refuses to go below the size that it has: the next page is one too many.
    if (altered !== life) await life.alter('PRAGMA max_page_count = 1');
    altered = life;
    clients.write(machine);
    const refused = life.errors.get('disk-full') ?? 0;
    if (refused === 0) return undefined;
    cluster.later(Math.max(0, untilMs - scheduler.nowMs), 'the disk has room again', async () => {
      if (!life.isDead) await life.alter('PRAGMA max_page_count = 4294967294');
    });
    return `${machine.id} has no room`;
  });
}

async function putBack(ground: FaultGround, fault: FaultUnderWay, machine: Machine): Promise<string> {
  machine.crash();
  await ground.cluster.look(machine);
  await ground.cluster.destroy(fault.planned.kind, () => {
    machine.restore();
    diskChanged(ground, machine);
  });
  ground.restart(machine, fault.planned.forMs);
  return `${machine.id} is an older copy of itself`;
}

async function remove(ground: FaultGround, fault: FaultUnderWay, machine: Machine): Promise<void> {
  await ground.cluster.destroy(fault.planned.kind, () => machine.remove());
  diskChanged(ground, machine);
}

function diskChanged({ cluster, clients }: FaultGround, machine: Machine): void {
  cluster.diskChanged(machine);
  clients.diskChanged(machine);
}
