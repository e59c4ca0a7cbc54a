/**
 * Planted bugs: deliberate faults of the library, each one piece of its source put in the place of another while it is
 * loaded for a simulation. They show that the checkers would see such a fault; nothing of them ships.
 */

/** One fault: `find` occurs exactly once in the library. */
export interface PlantedBug {
  readonly name: string;
  readonly find: string;
  readonly replace: string;
}

/** All of them. */
export const plantedBugs: readonly PlantedBug[] = [];
