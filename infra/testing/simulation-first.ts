/**
 * The order in which vitest begins test files: simulated histories before all others of their group.
 *
 * They take longest and wait for nothing, and their processes run at a low priority: they take what the tests beside
 * them, which wait for containers most of the time, leave over.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const SIMULATION = /\.simulation\.test\.ts$/;

/** Sorts test files. */
export class SimulationFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSimulation = ({ moduleId }: TestSpecification): boolean => SIMULATION.test(moduleId);
    return [...sorted.filter(isSimulation), ...sorted.filter((file) => !isSimulation(file))];
  }
}
