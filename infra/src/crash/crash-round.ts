/**
 * One round of a crash matrix: all crashes of one situation, under one load, some victims at a time.
 *
 * Each victim takes the next crash as soon as it is ready again. A directory is taken away only while no other one is:
 * two of them could be the last two that held a row.
 */
import type { WatchedGround } from '../chaos/chaos-ground.ts';
import { errorText } from '../infra-error.ts';
import { type LoadRecord, placeOrders } from '../load/order-load.ts';
import { crashOnce, type DoneCrash, type Victim } from './crash-matrix.ts';
import { emptiesVictim, type PlannedCrash, type Situation } from './crash-plan.ts';

/** What a round needs. */
export interface CrashRound {
  readonly ground: WatchedGround;
  readonly victims: readonly Victim[];
  readonly situation: Situation;
  /** All of this situation. */
  readonly crashes: readonly PlannedCrash[];
  /** Filled with everything that is sent. */
  readonly record: LoadRecord;
  readonly onDone: (done: DoneCrash) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Orders a second, over all replicas. Idle: no more than it takes to come to the moments. */
const ratePerSecond: Readonly<Record<Situation, number>> = { idle: 20, load: 60, away: 60 };
const clients: Readonly<Record<Situation, number>> = { idle: 4, load: 16, away: 16 };

/** Carries out a round; what did not hold is added to the ground's violations. */
export async function runCrashRound(round: CrashRound): Promise<void> {
  const { ground, situation, record } = round;
  const over = new AbortController();
  const loading = placeOrders({
    urls: () => ground.cluster.replicas.map(({ url }) => url),
    clients: clients[situation],
    ratePerSecond: ratePerSecond[situation],
    name: `crash-${situation}`,
    answerMs: 5000,
    signal: over.signal,
    onPlaced: (placed) => ground.reader.placed(placed),
    record,
  });
  const turns = new CrashTurns(round.crashes);
  try {
    await Promise.all(round.victims.map((victim) => crashInTurn(round, victim, turns)));
  } finally {
    over.abort();
    await loading;
  }
}

async function crashInTurn(round: CrashRound, victim: Victim, turns: CrashTurns): Promise<void> {
  const { ground, onDone, signal } = round;
  for (let crash = turns.take(); crash !== undefined && !signal?.aborted; crash = turns.take()) {
    const what = `${victim.name} at ${crash.step}, ${crash.situation}, time ${crash.occurrence}`;
    try {
      const done = await crashOnce(ground, victim, crash);
      const again = done.hasDiedTwice ? `, again at ${crash.second}` : '';
      const ready = done.readyMs === null ? '' : ` ${(done.readyMs / 1000).toFixed(1)} s later`;
      ground.print(`died: ${what}${again}; ready${ready}`);
      onDone(done);
    } catch (error) {
      ground.violations.add('I11', 'not held', `${what}: ${errorText(error)}`);
      ground.print(`NOT HELD ${what}: ${errorText(error)}`);
    } finally {
      turns.over(crash);
    }
  }
}

/** Who crashes next. */
export class CrashTurns {
  readonly #waiting: PlannedCrash[];
  #isEmptying = false;

  constructor(crashes: readonly PlannedCrash[]) {
    // Those that wait for each other first, so that others can go on beside them.
    this.#waiting = [...crashes].sort((a, b) => Number(emptiesVictim(b)) - Number(emptiesVictim(a)));
  }

  /** The next one that may begin now; undefined when there is none, as those under way lead to the rest. */
  take(): PlannedCrash | undefined {
    const index = this.#waiting.findIndex((crash) => !(this.#isEmptying && emptiesVictim(crash)));
    const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (next !== undefined && emptiesVictim(next)) this.#isEmptying = true;
    return next;
  }

  /** A crash that was taken is over. */
  over(crash: PlannedCrash): void {
    if (emptiesVictim(crash)) this.#isEmptying = false;
  }
}
