/**
 * Does to a simulated cluster what the plan says, and sees whether it takes hold.
 *
 * One method a kind of fault. A fault that finds nothing to spoil yet waits until there is something; one that waits
 * for something to happen is helped by a write. What is broken is mended after the fault's time, or by `heal`.
 */
import type { LogRead, LogRecord } from '../src/change-log.ts';
import type { Step } from '../src/surroundings.ts';
import type { Clients } from './clients.ts';
import { FaultUnderWay } from './fault.ts';
import type { Machine } from './machine.ts';
import type { Fault, FaultKind } from './plan.ts';
import { elementAt } from './seeded-random.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

/** How often a fault that waits looks again, in milliseconds. */
const LOOK_MS = 150;

/** How long an armed crash waits for its moment before it happens anywhere, in milliseconds. */
const CRASH_WAIT_MS = 4000;

/** Replicas that run at most and at least. */
const MOST = 5;
const FEWEST = 3;

/** Longest clean stop, in milliseconds. */
const STOP_MS = 15_000;

interface ArmedCrash {
  readonly step: Step;
  /** Undefined: whoever comes there first. */
  readonly machine: Machine | undefined;
  run(machine: Machine): void;
}

/** Injects faults into one cluster. */
export class FaultInjector {
  readonly faults: FaultUnderWay[] = [];
  readonly #cluster: SimulatedCluster;
  readonly #clients: Clients;
  #crashes: ArmedCrash[] = [];
  #appendFaults: { readonly kind: 'acknowledgement lost' | 'arrives twice'; held(): void }[] = [];
  #flips: ((read: LogRead, machine: Machine) => LogRead | undefined)[] = [];
  #refusals: ((machine: Machine) => void)[] = [];

  constructor(cluster: SimulatedCluster, clients: Clients) {
    this.#cluster = cluster;
    this.#clients = clients;
    cluster.reached = (machine, step) => this.#reached(machine, step);
    cluster.handing = (machine, read) => this.#hand(machine, read);
    cluster.network.appending = () => {
      const fault = this.#appendFaults.shift();
      fault?.held();
      return fault?.kind;
    };
    cluster.network.refused = (life) => {
      const machine = cluster.machines.find((one) => one.life === life);
      if (machine) for (const hear of this.#refusals) hear(machine);
    };
  }

  /** True while a fault is not yet seen to have taken hold. */
  get isWaiting(): boolean {
    return this.faults.some(({ effect }) => effect === undefined);
  }

  /** Begins a fault. */
  inject(planned: Fault): void {
    const fault = new FaultUnderWay(planned);
    this.faults.push(fault);
    this.#cluster.scheduler.note(`fault: ${planned.kind}`);
    this.#kinds[planned.kind](fault);
  }

  /** No more faults: everything that is still broken is mended. */
  heal(): void {
    const cluster = this.#cluster;
    cluster.broker.setReachable(true);
    for (const machine of cluster.kept) {
      machine.isCutOff = false;
      if (machine.life) machine.life.stillUntilMs = 0;
      machine.start();
    }
    this.#crashes = [];
    this.#appendFaults = [];
    this.#flips = [];
  }

  readonly #kinds: Readonly<Record<FaultKind, (fault: FaultUnderWay) => void>> = {
    crash: (fault) => this.#armCrash(fault),
    'stop and start': (fault) => this.#stop(fault),
    'lost acknowledgement': (fault) => this.#spoilAppend(fault, 'acknowledgement lost'),
    'duplicated append': (fault) => this.#spoilAppend(fault, 'arrives twice'),
    'truncated tail': (fault) => this.#truncate(fault, { isRefilled: false }),
    'truncated and refilled': (fault) => this.#truncate(fault, { isRefilled: true }),
    'recreated topic': (fault) => this.#recreate(fault, { isRefilled: false }),
    'recreated and refilled': (fault) => this.#recreate(fault, { isRefilled: true }),
    'retention cut': (fault) => this.#cut(fault),
    'restored copy': (fault) => this.#restore(fault),
    'added replica': (fault) => this.#add(fault),
    'removed replica': (fault) => this.#remove(fault),
    'full disk': (fault) => this.#fillDisk(fault),
    'broker away': (fault) => this.#takeBrokerAway(fault),
    'replica cut off': (fault) => this.#cutOff(fault),
    'stopped process': (fault) => this.#stopProcess(fault),
    'foreign offsets': (fault) => this.#useOffsets(fault),
    garbage: (fault) => this.#appendGarbage(fault),
    'old events again': (fault) => this.#appendOldEvents(fault),
    'flipped byte': (fault) => this.#flipByte(fault),
    'clock jump': (fault) => this.#jump(fault),
  };

  /** Calls `attempt` now and again until it says what it did. */
  #until(fault: FaultUnderWay, attempt: () => string | undefined | Promise<string | undefined>): void {
    this.#cluster.later(0, fault.planned.kind, async () => {
      const effect = await attempt();
      if (effect !== undefined) fault.held(effect);
      else this.#cluster.later(LOOK_MS, `${fault.planned.kind} waits`, () => this.#until(fault, attempt));
    });
  }

  /** A running machine that answers. */
  #open(pick: number): Machine | undefined {
    return elementAt(
      this.#cluster.up.filter(({ life }) => life?.replica !== undefined),
      pick,
    );
  }

  #restart(machine: Machine, afterMs: number): void {
    this.#cluster.later(afterMs, `${machine.id} starts again`, () => machine.start());
  }

  #reached(machine: Machine, step: Step): void {
    const armed = this.#crashes.find(
      (one) => one.step === step && (one.machine === undefined || one.machine === machine),
    );
    armed?.run(machine);
  }

  #armCrash(fault: FaultUnderWay): void {
    const { step = 'write:begun', pick, forMs } = fault.planned;
    // A snapshot has two ends; only a newcomer asks for one.
    const needsNewcomer = step.startsWith('bootstrap') || step.startsWith('snapshot');
    if (needsNewcomer) this.#makeRoom(fault);
    let isOver = false;
    const crash = async (machine: Machine, where: string): Promise<void> => {
      if (isOver) return;
      isOver = true;
      this.#crashes = this.#crashes.filter((one) => one !== armed);
      machine.crash();
      fault.held(where);
      await this.#cluster.look(machine);
      this.#restart(machine, forMs);
    };
    const armed: ArmedCrash = {
      step,
      machine: needsNewcomer ? undefined : this.#open(pick),
      run: (machine) => {
        if (isOver) return;
        this.#cluster.later(0, `${machine.id} crashed`, () => undefined);
        void this.#cluster.scheduler.whole(() => crash(machine, step));
      },
    };
    this.#crashes.push(armed);
    if (needsNewcomer) this.#cluster.add();
    this.#cluster.later(CRASH_WAIT_MS, 'a crash waits no longer', async () => {
      if (isOver) return;
      const machine = this.#cluster.up.includes(armed.machine as Machine) ? armed.machine : this.#open(pick);
      if (machine) await crash(machine, 'elsewhere');
      else
        this.#until(fault, async () => {
          const other = this.#cluster.up[0];
          if (other) await crash(other, 'elsewhere');
          return fault.effect;
        });
    });
  }

  #stop(fault: FaultUnderWay): void {
    this.#until(fault, () => {
      const machine = this.#open(fault.planned.pick);
      const life = machine?.life;
      const replica = life?.replica;
      if (!machine || !life || !replica) return undefined;
      let isStopped = false;
      const isSame = (): boolean => machine.life === life;
      void replica.stop().then(() => {
        isStopped = true;
        if (!isSame()) return;
        machine.stopped();
        this.#restart(machine, fault.planned.forMs);
      });
      this.#cluster.later(STOP_MS, 'looks whether a stop has ended', () => {
        if (isStopped || !isSame()) return;
        this.#cluster.violations.push({
          rule: 'I9',
          what: `${machine.id} did not stop within ${STOP_MS} ms`,
        });
        machine.crash();
        this.#restart(machine, 0);
      });
      return `${machine.id} is told to stop`;
    });
  }

  #spoilAppend(fault: FaultUnderWay, kind: 'acknowledgement lost' | 'arrives twice'): void {
    this.#appendFaults.push({ kind, held: () => fault.held(kind) });
  }

  /** Partitions with at least one record. */
  #filled(): { partition: number; low: number; end: number }[] {
    const { broker } = this.#cluster;
    return broker.offsets().filter(({ partition }) => broker.records(partition).length > 0);
  }

  #truncate(fault: FaultUnderWay, { isRefilled }: { isRefilled: boolean }): void {
    this.#until(fault, async () => {
      const found = elementAt(this.#filled(), fault.planned.pick);
      if (!found) return undefined;
      const { partition, low, end } = found;
      const offset = Math.max(low, end - 1 - Math.floor(fault.planned.also * 12));
      const lost = this.#cluster.broker.records(partition).filter((record) => record.offset >= offset);
      await this.#cluster.destroy(fault.planned.kind, () => {
        this.#cluster.log.truncate(partition, offset);
        // Others take the offsets at once, the later half of what was there among them.
        if (isRefilled) this.#refill(partition, lost.slice(Math.ceil(lost.length / 2)), end - offset + 2);
        // A log loses its tail when another broker becomes the leader, and readers notice that one is another.
        this.#cluster.broker.interruptReaders();
      });
      return lost.length > 0 ? `${lost.length} records of partition ${partition}` : undefined;
    });
  }

  #recreate(fault: FaultUnderWay, { isRefilled }: { isRefilled: boolean }): void {
    this.#until(fault, async () => {
      const { broker, log } = this.#cluster;
      const before = broker
        .offsets()
        .map(({ partition, end }) => ({ end, records: broker.records(partition) }));
      const lost = broker.allRecords().length;
      if (lost === 0) return undefined;
      await this.#cluster.destroy(fault.planned.kind, () => {
        log.recreate();
        if (!isRefilled) return;
        for (const [partition, { end, records }] of before.entries()) {
          this.#refill(partition, records.slice(Math.floor(records.length * fault.planned.also)), end + 2);
        }
      });
      return `${lost} records`;
    });
  }

  /** Appends records again and again, until `count` offsets are taken. */
  #refill(partition: number, records: readonly LogRecord[], count: number): void {
    const { broker } = this.#cluster;
    const carrying = records.filter(({ isMarker }) => !isMarker);
    for (let i = 0; i < count; i += 1) {
      const record = carrying[i % Math.max(1, carrying.length)];
      if (record) broker.appendRaw(partition, record);
      else broker.appendMarker(partition);
    }
  }

  #cut(fault: FaultUnderWay): void {
    this.#until(fault, async () => {
      const { broker, log } = this.#cluster;
      const found = elementAt(this.#filled(), fault.planned.pick);
      if (!found) return undefined;
      const { partition, low, end } = found;
      const offset = low + 1 + Math.floor(fault.planned.also * (end - low));
      const before = broker.records(partition).length;
      await this.#cluster.destroy(fault.planned.kind, () => log.cut(partition, Math.min(offset, end)));
      const cut = before - broker.records(partition).length;
      return cut > 0 ? `${cut} records of partition ${partition}` : undefined;
    });
  }

  #restore(fault: FaultUnderWay): void {
    const { scheduler } = this.#cluster;
    let machine: Machine | undefined;
    let dueMs = 0;
    this.#until(fault, async () => {
      if (machine === undefined || machine.isRemoved) {
        machine = this.#open(fault.planned.pick);
        machine?.backUp();
        dueMs = scheduler.nowMs + 500 + 3000 * fault.planned.also;
      }
      if (machine === undefined || scheduler.nowMs < dueMs) return undefined;
      return this.#putBack(fault, machine);
    });
  }

  async #putBack(fault: FaultUnderWay, machine: Machine): Promise<string> {
    machine.crash();
    await this.#cluster.look(machine);
    await this.#cluster.destroy(fault.planned.kind, () => {
      machine.restore();
      this.#diskChanged(machine);
    });
    this.#restart(machine, fault.planned.forMs);
    return `${machine.id} is an older copy of itself`;
  }

  #diskChanged(machine: Machine): void {
    this.#cluster.diskChanged(machine);
    this.#clients.diskChanged(machine);
  }

  /** Where there are as many replicas as may be, one is removed for good. */
  #makeRoom(fault: FaultUnderWay): void {
    const { kept } = this.#cluster;
    const machine = elementAt(kept, fault.planned.also);
    if (kept.length < MOST || !machine) return;
    void this.#cluster.scheduler.whole(() => this.#removeMachine(fault, machine));
  }

  #add(fault: FaultUnderWay): void {
    this.#until(fault, async () => {
      const { kept } = this.#cluster;
      const machine = elementAt(kept, fault.planned.also);
      if (kept.length >= MOST && machine) await this.#removeMachine(fault, machine);
      const added = this.#cluster.add();
      return `${added.id} is new`;
    });
  }

  #remove(fault: FaultUnderWay): void {
    this.#until(fault, async () => {
      const { kept } = this.#cluster;
      const machine = elementAt(kept, fault.planned.pick);
      if (!machine) return undefined;
      if (kept.length <= FEWEST) this.#cluster.add();
      await this.#removeMachine(fault, machine);
      return `${machine.id} is gone`;
    });
  }

  async #removeMachine(fault: FaultUnderWay, machine: Machine): Promise<void> {
    await this.#cluster.destroy(fault.planned.kind, () => machine.remove());
    this.#diskChanged(machine);
  }

  #fillDisk(fault: FaultUnderWay): void {
    let altered: Machine['life'];
    const { scheduler } = this.#cluster;
    const untilMs = scheduler.nowMs + fault.planned.forMs;
    this.#until(fault, async () => {
      const machine = altered && !altered.isDead ? this.#machineOf(altered) : this.#open(fault.planned.pick);
      const { life } = machine ?? {};
      if (!machine || !life) return undefined;
      // SQLite refuses to go below the size that it has: the next page is one too many.
      if (altered !== life) await life.alter('PRAGMA max_page_count = 1');
      altered = life;
      this.#clients.write(machine);
      const refused = life.errors.get('disk-full') ?? 0;
      if (refused === 0) return undefined;
      this.#cluster.later(Math.max(0, untilMs - scheduler.nowMs), 'the disk has room again', async () => {
        if (!life.isDead) await life.alter('PRAGMA max_page_count = 4294967294');
      });
      return `${machine.id} has no room`;
    });
  }

  #machineOf(life: NonNullable<Machine['life']>): Machine | undefined {
    return this.#cluster.machines.find((one) => one.life === life);
  }

  #takeBrokerAway(fault: FaultUnderWay): void {
    const { broker, scheduler } = this.#cluster;
    const untilMs = scheduler.nowMs + fault.planned.forMs;
    broker.setReachable(false);
    let refused = 0;
    const hear = (): void => {
      refused += 1;
    };
    this.#refusals.push(hear);
    this.#until(fault, () => {
      broker.setReachable(false);
      if (refused === 0 || scheduler.nowMs < untilMs) return undefined;
      this.#refusals = this.#refusals.filter((one) => one !== hear);
      broker.setReachable(true);
      return `${refused} requests without an answer`;
    });
  }

  #cutOff(fault: FaultUnderWay): void {
    const { scheduler } = this.#cluster;
    const untilMs = scheduler.nowMs + fault.planned.forMs;
    let machine: Machine | undefined;
    let refused = 0;
    const hear = (one: Machine): void => {
      if (one === machine) refused += 1;
    };
    this.#refusals.push(hear);
    this.#until(fault, () => {
      if (machine === undefined || machine.isRemoved) machine = this.#open(fault.planned.pick);
      if (machine === undefined) return undefined;
      machine.isCutOff = true;
      if (refused === 0 || scheduler.nowMs < untilMs) return undefined;
      this.#refusals = this.#refusals.filter((one) => one !== hear);
      machine.isCutOff = false;
      return `${refused} requests of ${machine.id} without an answer`;
    });
  }

  #stopProcess(fault: FaultUnderWay): void {
    this.#until(fault, () => {
      const machine = this.#open(fault.planned.pick);
      if (!machine?.life) return undefined;
      machine.life.stillUntilMs = this.#cluster.scheduler.nowMs + fault.planned.forMs;
      return `${machine.id} stands still for ${fault.planned.forMs} ms`;
    });
  }

  #useOffsets(fault: FaultUnderWay): void {
    const { broker } = this.#cluster;
    const partition = Math.floor(fault.planned.pick * broker.partitions);
    if (fault.planned.also < 0.5) broker.appendMarker(partition);
    else broker.appendGap(partition, 1 + Math.floor(fault.planned.also * 4));
    fault.held(`partition ${partition} has offsets without records`);
  }

  #appendGarbage(fault: FaultUnderWay): void {
    const { broker } = this.#cluster;
    const partition = Math.floor(fault.planned.pick * broker.partitions);
    broker.appendRaw(partition, {
      key: null,
      value: Buffer.from(`garbage ${fault.planned.also}`),
      headers: {},
    });
    fault.held(`partition ${partition} holds something else`);
  }

  #appendOldEvents(fault: FaultUnderWay): void {
    this.#until(fault, () => {
      const { broker } = this.#cluster;
      const from = elementAt(this.#filled(), fault.planned.pick);
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

  #flipByte(fault: FaultUnderWay): void {
    const flip = (read: LogRead, machine: Machine): LogRead | undefined => {
      const victim = read.records.findLast(({ isMarker, value }) => !isMarker && (value?.length ?? 0) > 0);
      if (!victim?.value) return undefined;
      const value = Buffer.from(victim.value);
      const at = Math.floor(fault.planned.also * value.length);
      value[at] = (value[at] ?? 0) ^ 1;
      fault.held(`${machine.id} reads offset ${victim.offset} of partition ${read.partition} changed`);
      return { ...read, records: read.records.map((one) => (one === victim ? { ...one, value } : one)) };
    };
    this.#flips.push(flip);
  }

  #hand(machine: Machine, read: LogRead): LogRead {
    const [flip] = this.#flips;
    const flipped = flip?.(read, machine);
    if (!flipped) return read;
    this.#flips.shift();
    return flipped;
  }

  #jump(fault: FaultUnderWay): void {
    this.#until(fault, () => {
      const machine = this.#open(fault.planned.pick);
      if (!machine) return undefined;
      const byMs = Math.round((fault.planned.also - 0.5) * 7_200_000);
      machine.wall.offMs += byMs;
      return `the clock of ${machine.id} jumps by ${byMs} ms`;
    });
  }
}
