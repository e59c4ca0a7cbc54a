/**
 * What befalls the processes of replicas: they crash, are stopped, stand still, and their clock jumps.
 */
import type { StepAmbush } from './ambushes.ts';
import { makeRoom } from './directory-faults.ts';
import type { FaultUnderWay } from './fault.ts';
import type { FaultGround } from './fault-ground.ts';
import type { Machine } from './machine.ts';

/** How long an armed crash waits for its moment before it happens anywhere, in milliseconds. */
const CRASH_WAIT_MS = 4000;

/** Longest clean stop, in milliseconds. */
const STOP_MS = 15_000;

/** `kill -9` at a step of the library; elsewhere where nobody comes there in time. */
export function crash(ground: FaultGround, fault: FaultUnderWay): void {
  const { cluster, ambushes } = ground;
  const { step = 'write:begun', pick, forMs } = fault.planned;
  // A snapshot has two ends; only a newcomer asks for one.
  const needsNewcomer = step.startsWith('bootstrap') || step.startsWith('snapshot');
  if (needsNewcomer) makeRoom(ground, fault);
  let isOver = false;
  const kill = async (machine: Machine, where: string): Promise<void> => {
    if (isOver) return;
    isOver = true;
    ambushes.steps = ambushes.steps.filter((one) => one !== ambush);
    machine.crash();
    fault.held(where);
    await cluster.look(machine);
    ground.restart(machine, forMs);
  };
  const ambush: StepAmbush = {
    step,
    machine: needsNewcomer ? undefined : ground.open(pick),
    run: (machine) => {
      if (isOver) return;
      cluster.later(0, `${machine.id} crashed`, () => undefined);
      void cluster.scheduler.whole(() => kill(machine, step));
    },
  };
  ambushes.steps.push(ambush);
  if (needsNewcomer) cluster.add();
  cluster.later(CRASH_WAIT_MS, 'a crash waits no longer', async () => {
    if (isOver) return;
    const machine = cluster.up.includes(ambush.machine as Machine) ? ambush.machine : ground.open(pick);
    if (machine) await kill(machine, 'elsewhere');
    else
      ground.until(fault, async () => {
        const other = cluster.up[0];
        if (other) await kill(other, 'elsewhere');
        return fault.effect;
      });
  });
}

/** Stopped in order and started again; a stop that does not end is a violation. */
export function stopAndStart(ground: FaultGround, fault: FaultUnderWay): void {
  const { cluster } = ground;
  ground.until(fault, () => {
    const machine = ground.open(fault.planned.pick);
    const life = machine?.life;
    const replica = life?.replica;
    if (!machine || !life || !replica) return undefined;
    let isStopped = false;
    const isSame = (): boolean => machine.life === life;
    void replica.stop().then(() => {
      isStopped = true;
      if (!isSame()) return;
      machine.stopped();
      ground.restart(machine, fault.planned.forMs);
    });
    cluster.later(STOP_MS, 'looks whether a stop has ended', () => {
      if (isStopped || !isSame()) return;
      cluster.violations.push({
        rule: 'I9',
        what: `${machine.id} did not stop within ${STOP_MS} ms`,
      });
      machine.crash();
      ground.restart(machine, 0);
    });
    return `${machine.id} is told to stop`;
  });
}

/** The process gets no time, as after SIGSTOP. */
export function standStill(ground: FaultGround, fault: FaultUnderWay): void {
  ground.until(fault, () => {
    const machine = ground.open(fault.planned.pick);
    if (!machine?.life) return undefined;
    machine.life.stillUntilMs = ground.cluster.scheduler.nowMs + fault.planned.forMs;
    return `${machine.id} stands still for ${fault.planned.forMs} ms`;
  });
}

/** The wall clock is put up to an hour forward or back, and stays so. */
export function jumpClock(ground: FaultGround, fault: FaultUnderWay): void {
  ground.until(fault, () => {
    const machine = ground.open(fault.planned.pick);
    if (!machine) return undefined;
    const byMs = Math.round((fault.planned.also - 0.5) * 7_200_000);
    machine.wall.offMs += byMs;
    return `the clock of ${machine.id} jumps by ${byMs} ms`;
  });
}
