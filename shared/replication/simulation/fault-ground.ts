/**
 * What faults are given: the cluster that they hurt, its clients, and what most of them do there.
 *
 * A fault that finds nothing to spoil yet looks again until there is something, or waits in an ambush.
 */
import { Ambushes } from './ambushes.ts';
import type { Clients } from './clients.ts';
import type { FaultUnderWay } from './fault.ts';
import type { Machine } from './machine.ts';
import { elementAt } from './seeded-random.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

/** How often a fault that waits looks again, in milliseconds. */
const LOOK_MS = 150;

/** A cluster that can be hurt. */
export class FaultGround {
  readonly cluster: SimulatedCluster;
  readonly clients: Clients;
  readonly ambushes: Ambushes;

  constructor(cluster: SimulatedCluster, clients: Clients) {
    this.cluster = cluster;
    this.clients = clients;
    this.ambushes = new Ambushes(cluster);
  }

  /** Calls `attempt` now and again until it says what it did. */
  until(fault: FaultUnderWay, attempt: () => string | undefined | Promise<string | undefined>): void {
    this.cluster.later(0, fault.planned.kind, async () => {
      const effect = await attempt();
      if (effect !== undefined) fault.held(effect);
      else this.cluster.later(LOOK_MS, `${fault.planned.kind} waits`, () => this.until(fault, attempt));
    });
  }

  /** A running machine that answers. */
  open(pick: number): Machine | undefined {
    return elementAt(
      this.cluster.up.filter(({ life }) => life?.replica !== undefined),
      pick,
    );
  }

  /** Starts a machine that is down, after a while. */
  restart(machine: Machine, afterMs: number): void {
    this.cluster.later(afterMs, `${machine.id} starts again`, () => machine.start());
  }
}
