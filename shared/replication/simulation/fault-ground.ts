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

/** Landmarks are read every five seconds, and who was away for a while connects first. */
const NOTICE_MS = 8900;

/** A cluster that can be hurt. */
export class FaultGround {
  readonly cluster: SimulatedCluster;
  readonly clients: Clients;
  readonly ambushes: Ambushes;
  /** True until everybody could notice that the log lost records. */
  #isUnnoticed = false;
  /** Since when every look found everybody able to read. */
  #calmSinceMs: number | undefined;

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

  /** The log lost records other than by retention: landmarks are read again every five seconds, by those who reach the broker. */
  lostRecords(): void {
    this.#isUnnoticed = true;
    this.#calmSinceMs = undefined;
  }

  /**
   * Whether the log may be cut now, asked at every look. A log that is made anew, or loses a tail, is refilled beyond every
   * position with our own events and cut beyond every bookmark, before anybody has looked, is told from one that was only cut by nothing that
   * a consumer can see: such plans are not made.
   */
  mayCut(): boolean {
    if (!this.#isUnnoticed) return true;
    const { nowMs } = this.cluster.scheduler;
    this.#calmSinceMs = this.#canAllRead ? (this.#calmSinceMs ?? nowMs) : undefined;
    this.#isUnnoticed = this.#calmSinceMs === undefined || nowMs - this.#calmSinceMs < NOTICE_MS;
    return !this.#isUnnoticed;
  }

  get #canAllRead(): boolean {
    const { broker, kept, scheduler } = this.cluster;
    const canRead = ({ life, isCutOff }: Machine): boolean =>
      !isCutOff && life?.replica !== undefined && life.stillUntilMs <= scheduler.nowMs;
    return broker.isReachable && kept.every(canRead);
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
