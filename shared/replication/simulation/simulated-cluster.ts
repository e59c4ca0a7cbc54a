/**
 * A simulated cluster: machines, the broker and the network between them, with the checkers that watch every instant.
 *
 *   scheduler -> lives of replicas (the real library) <-> network <-> broker in memory
 *                    |                                                   |
 *                    +--> holdings --> checkers <-- ledger, log memory --+
 */
import { basename, join } from 'node:path';
import { createChain } from '../src/chain.ts';
import type { LogRead } from '../src/change-log.ts';
import { errorText } from '../src/errors.ts';
import type { Step } from '../src/surroundings.ts';
import { MemoryBroker } from '../testing/memory-broker.ts';
import { notesDatabase } from '../testing/notes-table.ts';
import { checkAppend } from './check-append.ts';
import { checkInstant, type TakenRecord } from './check-instant.ts';
import type { Holding } from './holding.ts';
import { Ledger, type Recoverable, recoverableFrom } from './ledger.ts';
import { Life } from './life.ts';
import { LogMemory } from './log-memory.ts';
import { DATABASE_FILE, Machine } from './machine.ts';
import { type Owner, Scheduler } from './scheduler.ts';
import type { SeededRandom } from './seeded-random.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { SimulatedPeers } from './simulated-peers.ts';
import { setGateOfOthers } from './storage-gate.ts';
import type { Violation } from './violation.ts';

const cluster = 'simulated';
const secret = 'a secret for simulations only';
const topic = 'notes.changes';

/** Small bounds, so that a short history reaches them. */
const limits = {
  publishRows: 6,
  publishBytes: 6000,
  snapshotMinRecords: 20,
  standstillMs: 5000,
  busyTimeoutMs: 0,
  acknowledgeMs: 1500,
  tokenWaitMs: 1500,
  drainMs: 500,
  // Files are small: each start checks all of one.
  startCheckMs: 2000,
};

/** Of the commits, one in so many is looked at. */
const LOOK_ONCE_IN = 6;

/** How long a supervisor waits before it starts an ended process again, in milliseconds. */
const RESTART_MS = 400;

/** The cluster. */
export class SimulatedCluster {
  readonly scheduler: Scheduler;
  readonly network: SimulatedNetwork;
  readonly broker: MemoryBroker;
  readonly log: LogMemory;
  readonly ledger = new Ledger();
  readonly machines: Machine[] = [];
  readonly violations: Violation[] = [];
  /** What happens outside the replicas. */
  readonly world: Owner = { name: 'world', isDead: false, stillUntilMs: 0 };
  /** Called at each named moment; what it kills is dead at once. */
  reached: (machine: Machine, step: Step) => void = () => undefined;
  /** May change what a replica is given. */
  handing: (machine: Machine, read: LogRead) => LogRead = (_, read) => read;
  readonly #root: string;
  readonly #random: SeededRandom;
  readonly #looks: SeededRandom;
  readonly #peers: SimulatedPeers;
  readonly #taken = new Map<Life, TakenRecord[]>();
  /** Attempts from here on are on the machine's own disk. */
  readonly #diskSince = new Map<string, number>();
  #isEnding = false;

  constructor(options: { root: string; random: SeededRandom; print: ((line: string) => void) | undefined }) {
    this.#root = options.root;
    this.#random = options.random;
    this.#looks = options.random.fork('looks');
    this.scheduler = new Scheduler(options.print);
    const { scheduler } = this;
    setGateOfOthers((work) => scheduler.whole(work));
    const chain = createChain({ cluster, secret });
    this.broker = new MemoryBroker({
      isStepped: true,
      maxRecords: 7,
      now: () => Math.floor(scheduler.nowMs),
    });
    this.log = new LogMemory({ broker: this.broker, chain });
    this.network = new SimulatedNetwork({
      broker: this.broker,
      scheduler,
      random: options.random.fork('network'),
    });
    this.#peers = new SimulatedPeers({ scheduler, network: this.network, chain });
    this.network.handing = (life, read) => {
      const machine = this.machineOf(life);
      return machine ? this.handing(machine, read) : read;
    };
    this.network.took = (life, read) => this.#take(life, read);
    this.network.sending = (life, records) => {
      const sent = { machine: life.name, everLogged: this.log.ever() };
      this.#violated(checkAppend(this.log.placesOf(records), sent));
    };
    scheduler.afterTask = () => this.network.fetch();
  }

  /** Machines whose process runs. */
  get up(): Machine[] {
    return this.machines.filter(({ isUp }) => isUp);
  }

  /** Machines that were not removed for good. */
  get kept(): Machine[] {
    return this.machines.filter(({ isRemoved }) => !isRemoved);
  }

  /** The machine whose process this is; undefined once it has ended. */
  machineOf(life: Life): Machine | undefined {
    return this.machines.find((one) => one.life === life);
  }

  /** A new machine with an empty disk; it starts at once. */
  add(): Machine {
    const machine = new Machine({
      id: `order-${this.machines.length + 1}`,
      root: this.#root,
      bear: (one, directory) => this.#bear(one, directory),
      whole: (work) => this.scheduler.whole(work),
    });
    this.machines.push(machine);
    machine.start();
    return machine;
  }

  /** Runs `work` after `afterMs`, as something that happens outside. */
  later(afterMs: number, label: string, work: () => void | Promise<void>): void {
    const run = (): void => {
      void this.scheduler.whole(async () => work()).catch((error: unknown) => this.#broke(error));
    };
    this.scheduler.schedule({ owner: this.world, afterMs, label, run });
  }

  /** Looks at a machine's database as it is committed now; `isImported`: it has just taken over a snapshot. */
  async look(machine: Machine, { isImported = false } = {}): Promise<void> {
    if (machine.isRemoved) return;
    const { life } = machine;
    const holding = await machine.holding();
    const taken = life ? (this.#taken.get(life) ?? []) : [];
    if (life) this.#taken.set(life, []);
    const since = this.#diskSince.get(machine.id) ?? 0;
    const found = checkInstant(holding, {
      machine: machine.id,
      taken,
      everLogged: this.log.ever(),
      attempts: this.ledger.attempts.slice(since).filter((one) => one.machine === machine.id),
      running: this.#runsBeside(machine),
      isImported,
    });
    this.#violated(found);
  }

  /** Does what takes copies of rows away, and excuses those whose last copy it took. */
  async destroy(fault: string, work: () => void): Promise<void> {
    const recoverable = async (): Promise<Recoverable> => {
      const holdings: Holding[] = [];
      for (const machine of this.kept) holdings.push(await machine.holding());
      return recoverableFrom(holdings, this.log.now());
    };
    this.violations.push(...this.ledger.lost(await recoverable()));
    work();
    this.ledger.excuse(await recoverable(), fault);
  }

  /** The machine's disk is not what it was: what it acknowledged so far need not be on it. */
  diskChanged(machine: Machine): void {
    this.#diskSince.set(machine.id, this.ledger.attempts.length);
  }

  /** Ends everything; nothing may be looked at afterwards. */
  async end(): Promise<void> {
    this.#isEnding = true;
    for (const { life } of this.up) {
      life?.kill();
      await life?.bury();
    }
  }

  #violated(found: readonly Violation[]): void {
    for (const { rule, what } of found) this.scheduler.note(`violates ${rule}: ${what}`);
    this.violations.push(...found);
  }

  #bear(machine: Machine, directory: string): Life {
    const life: Life = new Life({
      name: machine.id,
      url: machine.url,
      directory,
      scheduler: this.scheduler,
      delays: this.#random.fork(`delays ${basename(directory)}`),
      random: this.#random.fork(`draws ${basename(directory)}`),
      machine,
      reached: (_, step) => this.#reached(machine, step),
      ended: (_, error) => this.#ended(machine, error),
    });
    this.#peers.add(life);
    life
      .begin({
        replicaId: machine.id,
        cluster,
        secret,
        file: join(directory, DATABASE_FILE),
        description: notesDatabase,
        url: () => machine.url,
        replication: { topic, ...this.network.connect(life), callPeer: this.#peers.callFrom(life) },
        limits,
      })
      .catch((error: unknown) => this.#ended(machine, error));
    return life;
  }

  async #reached(machine: Machine, step: Step): Promise<void> {
    this.reached(machine, step);
    const { life } = machine;
    if (life && step === 'apply:after-commit') this.#readAgain(life);
    const isImported = step === 'bootstrap:after-commit';
    if (!life || !step.endsWith('after-commit') || !(this.#looks.once(LOOK_ONCE_IN) || isImported)) return;
    await this.look(machine, { isImported });
  }

  #runsBeside(machine: Machine): ReadonlySet<string> {
    const replicas = this.up.flatMap((one) => (one === machine ? [] : (one.life?.replica ?? [])));
    return new Set(replicas.map((replica) => replica.announcement().origin));
  }

  /** What is applied now stands for what was read at the same offsets before: the log may have been made anew since. */
  #readAgain(life: Life): void {
    const { inHand } = life;
    const before = this.#taken.get(life);
    if (!inHand || !before) return;
    const { partition, from, next } = inHand;
    const isAgain = (one: TakenRecord): boolean =>
      one.partition === partition && one.offset >= from && one.offset < next;
    this.#taken.set(
      life,
      before.filter((one) => !isAgain(one)),
    );
  }

  #take(life: Life, read: LogRead): void {
    const taken = this.#taken.get(life) ?? [];
    for (const record of read.records) {
      if (record.isMarker) continue;
      taken.push({ partition: read.partition, offset: record.offset, place: this.log.placeOf(record) });
    }
    this.#taken.set(life, taken);
  }

  #ended(machine: Machine, error: unknown): void {
    if (this.#isEnding) return;
    this.scheduler.note(`${machine.id} ends: ${errorText(error)}`);
    this.violations.push({ rule: 'I10', what: `${machine.id} had to end: ${describeError(error)}` });
    machine.crash();
    this.later(RESTART_MS, 'the supervisor starts a process again', () => machine.start());
  }

  #broke(error: unknown): void {
    this.violations.push({ rule: 'I10', what: `the simulation itself failed: ${describeError(error)}` });
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
