/**
 * The plan of a history: what clients do and what goes wrong, each with its time, drawn from the seed beforehand.
 *
 * A plan is plain data. Whom a step meets depends on who is there by then: `pick` is a number in [0, 1) that chooses
 * among those. So a step can be taken out and the rest stays what it was, which is how a failing plan is made smaller.
 */
import { type Step, steps } from '../src/surroundings.ts';
import { SeededRandom } from './seeded-random.ts';

/** Something that a client does. */
export interface Operation {
  readonly atMs: number;
  readonly kind: 'write' | 'write again' | 'read' | 'read own';
  readonly client: number;
  /** Which replica it asks. */
  readonly pick: number;
  /** Writes only: answered once the log has it. */
  readonly isLogged: boolean;
}

/** Relative frequency of each kind of fault. */
export const faultWeights = {
  crash: 6,
  'stop and start': 1,
  'lost acknowledgement': 2,
  'duplicated append': 2,
  'truncated tail': 2,
  'truncated and refilled': 1,
  'recreated topic': 1,
  'recreated and refilled': 1,
  'retention cut': 1.5,
  'restored copy': 1.5,
  'added replica': 1.5,
  'removed replica': 1,
  'full disk': 1.5,
  'broker away': 2,
  'replica cut off': 2,
  'stopped process': 1,
  'foreign offsets': 1,
  garbage: 1,
  'old events again': 1,
  'flipped byte': 1,
  'clock jump': 1,
} as const;

/** A kind of fault. */
export type FaultKind = keyof typeof faultWeights;

/** Something that goes wrong. */
export interface Fault {
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly pick: number;
  /** A second choice: a partition, an amount. */
  readonly also: number;
  readonly forMs: number;
  /** Crashes only: where. */
  readonly step?: Step;
}

/** A whole history beforehand. */
export interface Plan {
  readonly seed: string;
  readonly replicas: number;
  readonly operations: readonly Operation[];
  readonly faults: readonly Fault[];
}

/** Clients of a history. */
const CLIENTS = 6;

/** Time in which operations begin, in milliseconds. */
const SPAN_MS = 24_000;

/** Operations that are drawn: more than the 200 that a history must have. */
const OPERATIONS = 230;

/** The plan of a seed. */
export function drawPlan(seed: string): Plan {
  const random = new SeededRandom(`plan ${seed}`);
  return {
    seed,
    replicas: random.whole(3, 5),
    operations: drawOperations(random.fork('operations')),
    faults: drawFaults(random.fork('faults')),
  };
}

/** In bursts, so that commits and appends hold several rows. */
function drawOperations(random: SeededRandom): Operation[] {
  const operations: Operation[] = [];
  while (operations.length < OPERATIONS) {
    const beginMs = 1500 + random.unit() * SPAN_MS;
    const pick = random.unit();
    for (let left = random.whole(1, 12); left > 0; left -= 1) {
      operations.push({
        atMs: beginMs + random.unit() * 12,
        kind: random.weighted({ write: 14, 'write again': 1, read: 3, 'read own': 5 }),
        client: random.whole(0, CLIENTS - 1),
        pick: random.once(2) ? pick : random.unit(),
        isLogged: random.once(5),
      });
    }
  }
  return operations.sort((a, b) => a.atMs - b.atMs);
}

function drawFaults(random: SeededRandom): Fault[] {
  const count = random.whole(12, 16);
  const faults = Array.from({ length: count }, (): Fault => {
    const kind = random.weighted(faultWeights);
    const step = steps[random.whole(0, steps.length - 1)];
    return {
      atMs: 2500 + random.unit() * (SPAN_MS - 3000),
      kind,
      pick: random.unit(),
      also: random.unit(),
      forMs: random.whole(100, 5000),
      ...(kind === 'crash' && step ? { step } : {}),
    };
  });
  return faults.sort((a, b) => a.atMs - b.atMs);
}
