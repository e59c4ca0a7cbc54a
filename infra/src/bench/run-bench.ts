/**
 * Runs measures one after the other and judges what they found. A measure that fails is said and does not hide the
 * others; the run then ends with an error.
 */
import os from 'node:os';
import { errorText, InfraError } from '../infra-error.ts';
import { BenchGround, type BenchGroundOptions } from './bench-ground.ts';
import { type BenchRow, judge } from './bench-row.ts';
import type { Measure } from './measures.ts';

/** What to run, and how. */
export interface RunBenchOptions extends BenchGroundOptions {
  readonly measures: readonly Measure[];
}

/**
 * Runs them. @throws `bench-failed` naming the measures that failed, after the others; `onRow` has had the rest.
 */
export async function runBench(options: RunBenchOptions & { onRow: (row: BenchRow) => void }): Promise<void> {
  const failures: string[] = [];
  for (const measure of options.measures) {
    const begunMs = performance.now();
    const ground = new BenchGround({
      ...options,
      onProgress: (sentence) => options.onProgress(`${measure.name}: ${sentence}`),
    });
    const [load = 0] = os.loadavg();
    ground.progress(`begins, at a load of ${load.toFixed(1)}`);
    try {
      const { isQuick } = options;
      for (const measured of await measure.run(ground)) {
        options.onRow(judge(measured, { isQuick, takenAt: new Date().toISOString() }));
      }
      ground.progress(`took ${((performance.now() - begunMs) / 1000).toFixed(0)} s`);
    } catch (error) {
      options.signal.throwIfAborted();
      failures.push(measure.name);
      ground.progress(`failed: ${errorText(error)}`);
    } finally {
      await ground.clear();
    }
  }
  if (failures.length === 0) return;
  throw new InfraError({
    code: 'bench-failed',
    message: `Not measured: ${failures.join(', ')}.`,
    hint: 'What was found is above; run these again with --only NAME.',
  });
}
