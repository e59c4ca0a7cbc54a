/**
 * Where faults lie in wait: for a replica to come to a step, for an append, for a read, for a request without an
 * answer. The cluster tells what passes; a fault takes it at that very instant.
 */
import type { LogRead } from '../src/change-log.ts';
import type { Step } from '../src/surroundings.ts';
import type { Machine } from './machine.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

/** Waits for a replica to come to a step. */
export interface StepAmbush {
  readonly step: Step;
  /** Undefined: whoever comes there first. */
  readonly machine: Machine | undefined;
  run(machine: Machine): void;
}

/** Waits for the next append; the first that waits takes it. */
export interface AppendAmbush {
  readonly kind: 'acknowledgement lost' | 'arrives twice';
  held(): void;
}

/** Changes a read on its way to a replica; undefined when it leaves it as it is and waits on. */
export type ReadAmbush = (read: LogRead, machine: Machine) => LogRead | undefined;

/** Hears of each request without an answer. */
export type RefusalAmbush = (machine: Machine) => void;

/** All ambushes of a cluster, in the order in which they were laid. */
export class Ambushes {
  steps: StepAmbush[] = [];
  appends: AppendAmbush[] = [];
  reads: ReadAmbush[] = [];
  refusals: RefusalAmbush[] = [];

  constructor(cluster: SimulatedCluster) {
    cluster.reached = (machine, step) => this.#reached(machine, step);
    cluster.handing = (machine, read) => this.#hand(machine, read);
    cluster.network.appending = () => {
      const ambush = this.appends.shift();
      ambush?.held();
      return ambush?.kind;
    };
    cluster.network.refused = (life) => {
      const machine = cluster.machineOf(life);
      if (machine) for (const hear of this.refusals) hear(machine);
    };
  }

  /** Nobody spoils anything any more; who only listens goes on. */
  lift(): void {
    this.steps = [];
    this.appends = [];
    this.reads = [];
  }

  #reached(machine: Machine, step: Step): void {
    const ambush = this.steps.find(
      (one) => one.step === step && (one.machine === undefined || one.machine === machine),
    );
    ambush?.run(machine);
  }

  #hand(machine: Machine, read: LogRead): LogRead {
    const [spoil] = this.reads;
    const spoilt = spoil?.(read, machine);
    if (!spoilt) return read;
    this.reads.shift();
    return spoilt;
  }
}
