/**
 * What a test file has to take away again, whatever happens in between.
 *
 * One thing that cannot be taken away must not leave the others lying there: every step is tried, and what failed is told
 * after the last one.
 */

/** A step of a cleanup. */
export type Step = () => Promise<unknown>;

/** Runs every step, one after the other, also behind one that fails. @throws what failed; several in one error. */
export async function runAll(steps: readonly Step[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('\n'));
  if (failures.length === 1) throw failures[0];
}

const steps: Step[] = [];

/** Adds a step to the end of the test file. What was added last runs first. */
export function addCleanup(step: Step): void {
  steps.unshift(step);
}

/** Runs what was added. */
export async function cleanUp(): Promise<void> {
  await runAll(steps.splice(0));
}
