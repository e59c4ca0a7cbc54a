/**
 * One history from its plan to its verdict.
 *
 *   begin -> operations and faults -> every fault has taken hold? -> heal -> drain -> judge
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkOutcome, type FinalReplica, type StoredRow } from './check-outcome.ts';
import { Clients } from './clients.ts';
import { FaultInjector } from './fault-injector.ts';
import type { Machine } from './machine.ts';
import type { Plan } from './plan.ts';
import { elementAt, SeededRandom } from './seeded-random.ts';
import { SimulatedCluster } from './simulated-cluster.ts';
import { removeGates } from './storage-gate.ts';
import type { Violation } from './violation.ts';

/** What came of a history. */
export interface HistoryResult {
  readonly seed: string;
  /**
   * `inconclusive`: a fault did not take hold, so nothing was proven. `unanswered`: the history came to no end, or its
   * process died; that proves nothing either, for a planted bug least of all.
   */
  readonly verdict: 'passed' | 'failed' | 'inconclusive' | 'unanswered';
  readonly violations: readonly Violation[];
  readonly faults: readonly { readonly kind: string; readonly effect: string | null }[];
  readonly operations: { readonly begun: number; readonly answered: number };
  readonly rows: { readonly attempted: number; readonly acknowledged: number; readonly excused: number };
  /** Equal for equal histories. */
  readonly fingerprint: string;
  readonly tasks: number;
  /** Simulated time from the end of the last fault until all was quiet, in milliseconds. */
  readonly drainMs: number;
  /** Simulated time of the whole history, in milliseconds. */
  readonly simulatedMs: number;
}

/** How long faults that wait for something are helped along, in simulated milliseconds. */
const HELP_MS = 20_000;

/** How long the cluster may take to become quiet, in simulated milliseconds. */
const DRAIN_MS = 40_000;

/**
 * How long it has to stay quiet: who is silent for 5 seconds counts as gone, and what it leaves behind is given back to the
 * log after a random delay of up to 6 more.
 */
const CALM_MS = 13_000;

/** Violations told of one history at most. */
const TOLD = 20;

/** Runs a plan. Everything on disk is removed afterwards. */
export async function runHistory(plan: Plan, print?: (line: string) => void): Promise<HistoryResult> {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const root = mkdtempSync(join(parent, 'dbsync-simulation-'));
  const random = new SeededRandom(`history ${plan.seed}`);
  const cluster = new SimulatedCluster({ root, random, print });
  try {
    return await new History(plan, cluster, random).run();
  } finally {
    await cluster.end();
    removeGates();
    rmSync(root, { recursive: true, force: true });
  }
}

class History {
  readonly #plan: Plan;
  readonly #cluster: SimulatedCluster;
  readonly #random: SeededRandom;
  readonly #clients: Clients;
  readonly #injector: FaultInjector;

  constructor(plan: Plan, cluster: SimulatedCluster, random: SeededRandom) {
    this.#plan = plan;
    this.#cluster = cluster;
    this.#random = random.fork('history');
    this.#clients = new Clients(cluster, random);
    this.#injector = new FaultInjector(cluster, this.#clients);
  }

  async run(): Promise<HistoryResult> {
    const { scheduler, violations, ledger } = this.#cluster;
    this.#begin();
    const lastMs = Math.max(0, ...[...this.#plan.operations, ...this.#plan.faults].map(({ atMs }) => atMs));
    await scheduler.run(lastMs + 1);
    await this.#help();
    this.#injector.heal();
    const healedMs = scheduler.nowMs;
    const drainMs = (await this.#drain()) - healedMs;
    if (violations.length === 0) violations.push(...(await this.#judge()));
    const faults = this.#injector.faults.map(({ planned, effect = null }) => ({
      kind: planned.kind,
      effect,
    }));
    const hasHeld = faults.every(({ effect }) => effect !== null);
    return {
      seed: this.#plan.seed,
      verdict: violations.length > 0 ? 'failed' : hasHeld ? 'passed' : 'inconclusive',
      violations: violations.slice(0, TOLD),
      faults,
      operations: this.#clients.counts,
      rows: {
        attempted: ledger.attempts.length,
        acknowledged: ledger.attempts.filter(({ outcome }) => outcome === 'acknowledged').length,
        excused: ledger.attempts.filter(({ excuse }) => excuse !== undefined).length,
      },
      fingerprint: scheduler.fingerprint,
      tasks: scheduler.tasks,
      drainMs: Math.round(drainMs),
      simulatedMs: Math.round(scheduler.nowMs),
    };
  }

  #begin(): void {
    for (let i = 0; i < this.#plan.replicas; i += 1) this.#cluster.add();
    for (const operation of this.#plan.operations) {
      this.#cluster.later(operation.atMs, operation.kind, () => this.#clients.begin(operation));
    }
    for (const fault of this.#plan.faults) {
      this.#cluster.later(fault.atMs, `fault ${fault.kind}`, () => this.#injector.inject(fault));
    }
  }

  /** Faults that wait for something to happen get something to happen. */
  async #help(): Promise<void> {
    const { scheduler } = this.#cluster;
    const untilMs = scheduler.nowMs + HELP_MS;
    while (this.#injector.isWaiting && scheduler.nowMs < untilMs) {
      const machine = elementAt(this.#cluster.up, this.#random.unit());
      if (machine) this.#clients.write(machine);
      this.#operate();
      await scheduler.run(scheduler.nowMs + 200, () => !this.#injector.isWaiting);
    }
  }

  /** Says when it became quiet. */
  async #drain(): Promise<number> {
    const { scheduler, violations } = this.#cluster;
    const untilMs = scheduler.nowMs + DRAIN_MS;
    let quietSinceMs: number | undefined;
    for (;;) {
      await scheduler.run(scheduler.nowMs + 500);
      const unrest = await this.#unrest();
      if (unrest === undefined) {
        quietSinceMs ??= scheduler.nowMs;
        if (scheduler.nowMs - quietSinceMs >= CALM_MS) return quietSinceMs;
        continue;
      }
      quietSinceMs = undefined;
      if (scheduler.nowMs >= untilMs) {
        violations.push({ rule: 'I9', what: `not quiet ${DRAIN_MS} ms after the last fault: ${unrest}` });
        return scheduler.nowMs;
      }
      this.#operate();
    }
  }

  /**
   * What replicas stop for and wait for an operator: a log of which nothing is ours is accepted, as it is ours; a
   * newcomer that found nobody to learn from is started again.
   */
  #operate(): void {
    for (const machine of this.#cluster.up) {
      const replica = machine.life?.replica;
      if (replica?.announcement().state !== 'stopped') continue;
      this.#cluster.scheduler.note(`the operator helps ${machine.id}`);
      if (this.#cluster.broker.allRecords().some((record) => this.#cluster.log.placeOf(record))) {
        machine.crash();
        machine.start();
      } else replica.acceptLog();
    }
  }

  /** What is not quiet yet. */
  async #unrest(): Promise<string | undefined> {
    const { kept } = this.#cluster;
    const digests = new Set<string>();
    for (const machine of kept) {
      const replica = machine.life?.replica;
      if (!replica) return `${machine.id} does not run`;
      const { state, lag, unpublished, digest } = replica.announcement();
      if (state !== 'live') return `${machine.id} is ${state} (${replica.readiness().reasons.join()})`;
      if (lag.records !== 0) return `${machine.id} lags by ${lag.records}`;
      if (unpublished !== 0) return `${machine.id} has ${unpublished} unpublished`;
      digests.add(digest);
    }
    if (digests.size > 1) return 'digests differ';
    for (const machine of kept) {
      const status = await this.#settled(machine, (replica) => replica.status());
      const stall = status?.stalled.find(({ dismissed }) => !dismissed);
      if (stall) return `${machine.id} is stalled at ${stall.origin}`;
    }
    return undefined;
  }

  async #judge(): Promise<Violation[]> {
    const { kept, ledger, log, violations } = this.#cluster;
    const replicas: FinalReplica[] = [];
    for (const machine of kept) {
      await this.#cluster.scheduler.whole(() => this.#cluster.look(machine));
      const replica = await this.#settled(machine, async (one) => {
        const [rows, deep] = await Promise.all([one.reads.all<StoredRow>(ROWS), one.deepCheck()]);
        return { machine: machine.id, rows, deep, vector: one.vector(), digest: one.digest() };
      });
      if (replica) replicas.push(replica);
    }
    if (violations.length > 0) return [];
    return checkOutcome({
      attempts: ledger.attempts,
      replicas,
      logged: log.now(),
      cut: log.cutRows(),
    });
  }

  /** Lets the cluster run until a replica has answered. */
  async #settled<T>(
    machine: Machine,
    ask: (replica: NonNullable<NonNullable<Machine['life']>['replica']>) => Promise<T>,
  ): Promise<T | undefined> {
    const replica = machine.life?.replica;
    if (!replica) return undefined;
    let answer: { value: T } | undefined;
    let failure: unknown;
    ask(replica).then(
      (value) => (answer = { value }),
      (error: unknown) => (failure = error),
    );
    const { scheduler } = this.#cluster;
    await scheduler.run(scheduler.nowMs + 10_000, () => answer !== undefined || failure !== undefined);
    if (failure !== undefined) throw failure;
    return answer?.value;
  }
}

const ROWS = `SELECT n.note_id, n.text, n.stars, n.weight, n.created_at, n.seq, n.superseded, o.name AS origin
  FROM notes n JOIN replication_origin o ON o.id = n.origin ORDER BY o.name, n.seq`;
