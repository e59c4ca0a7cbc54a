/**
 * Does to a simulated cluster what the plan says, and sees whether it takes hold.
 *
 * What each kind of fault does is told where its victim is: the log, the network, replicas, their directories. What is
 * broken is mended after the fault's time, or by `heal`.
 */
import type { Clients } from './clients.ts';
import { addReplica, fillDisk, removeReplica, restoreOldCopy } from './directory-faults.ts';
import { FaultUnderWay } from './fault.ts';
import { FaultGround } from './fault-ground.ts';
import {
  passRetention,
  recreateTopic,
  sendAgain,
  sendGarbage,
  truncateTail,
  useOffsets,
} from './log-faults.ts';
import { cutOff, flipByte, spoilAppend, takeBrokerAway } from './network-faults.ts';
import type { Fault, FaultKind } from './plan.ts';
import { crash, jumpClock, standStill, stopAndStart } from './replica-faults.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

type Begin = (ground: FaultGround, fault: FaultUnderWay) => void;

const begin: Readonly<Record<FaultKind, Begin>> = {
  crash,
  'stop and start': stopAndStart,
  'lost acknowledgement': (ground, fault) => spoilAppend(ground, fault, 'acknowledgement lost'),
  'duplicated append': (ground, fault) => spoilAppend(ground, fault, 'arrives twice'),
  'truncated tail': (ground, fault) => truncateTail(ground, fault, { isRefilled: false }),
  'truncated and refilled': (ground, fault) => truncateTail(ground, fault, { isRefilled: true }),
  'recreated topic': (ground, fault) => recreateTopic(ground, fault, { isRefilled: false }),
  'recreated and refilled': (ground, fault) => recreateTopic(ground, fault, { isRefilled: true }),
  'retention cut': passRetention,
  'restored copy': restoreOldCopy,
  'added replica': addReplica,
  'removed replica': removeReplica,
  'full disk': fillDisk,
  'broker away': takeBrokerAway,
  'replica cut off': cutOff,
  'stopped process': standStill,
  'foreign offsets': useOffsets,
  garbage: sendGarbage,
  'old events again': sendAgain,
  'flipped byte': flipByte,
  'clock jump': jumpClock,
};

/** Injects faults into one cluster. */
export class FaultInjector {
  readonly faults: FaultUnderWay[] = [];
  readonly #ground: FaultGround;

  constructor(cluster: SimulatedCluster, clients: Clients) {
    this.#ground = new FaultGround(cluster, clients);
  }

  /** True while a fault is not yet seen to have taken hold. */
  get isWaiting(): boolean {
    return this.faults.some(({ effect }) => effect === undefined);
  }

  /** Begins a fault. */
  inject(planned: Fault): void {
    const fault = new FaultUnderWay(planned);
    this.faults.push(fault);
    this.#ground.cluster.scheduler.note(`fault: ${planned.kind}`);
    begin[planned.kind](this.#ground, fault);
  }

  /** No more faults: everything that is still broken is mended. */
  heal(): void {
    const { cluster, ambushes } = this.#ground;
    cluster.broker.setReachable(true);
    for (const machine of cluster.kept) {
      machine.isCutOff = false;
      if (machine.life) machine.life.stillUntilMs = 0;
      machine.start();
    }
    ambushes.lift();
  }
}
