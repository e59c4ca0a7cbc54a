/**
 * The crash matrix: every named moment of the library, in every situation, each once for a seed.
 */
import { type Step, steps } from '@dbsync/replication';
import { seededRandom } from '../chaos/seeded-random.ts';

/** `idle`: only what is needed to reach the moment. `load`: under load. `away`: the broker goes away at the moment. */
export type Situation = 'idle' | 'load' | 'away';

/** All situations. */
export const situations: readonly Situation[] = ['idle', 'load', 'away'];

/** One crash. */
export interface PlannedCrash {
  readonly step: Step;
  readonly situation: Situation;
  /** The how-manyth time that the moment comes. */
  readonly occurrence: number;
  /** Where the process is killed again while it recovers, if it comes there; null: it is not. */
  readonly second: Step | null;
}

/** True for a crash on the way of an empty replica to its rows: the victim's directory is taken away for it. */
export function emptiesVictim({ step }: Pick<PlannedCrash, 'step'>): boolean {
  return step.startsWith('bootstrap:');
}

/** All crashes of a seed. Without second crashes each moment is taken at its first time. */
export function planCrashes(options: {
  readonly seed: number;
  readonly isTwice: boolean;
}): readonly PlannedCrash[] {
  const random = seededRandom(options.seed);
  const crashes = situations.flatMap((situation) =>
    steps.map((step): PlannedCrash => {
      const [occurrence, second] = [random.between(1, 3), random.pick(steps)];
      const isOften = /^(?:write|publish|apply):/.test(step);
      if (!options.isTwice) return { step, situation, occurrence: 1, second: null };
      return { step, situation, occurrence: isOften ? occurrence : 1, second };
    }),
  );
  return options.isTwice ? random.shuffle(crashes) : crashes;
}
