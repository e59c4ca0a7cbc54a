import { describe, expect, it } from 'vitest';
import { planCrashes } from '../../src/crash/crash-plan.ts';
import { runCrashMatrix } from '../../src/crash/run-crash-matrix.ts';
import { killLivingChildren } from '../../src/index.ts';

process.once('exit', killLivingChildren);

describe('the crash matrix', () => {
  it('kill -9 at every named moment, idle, under load and with the broker away, loses and doubles nothing', {
    timeout: 480_000,
  }, async () => {
    const lines: string[] = [];
    const crashes = planCrashes({ seed: 1, isTwice: false });
    const report = await runCrashMatrix({
      crashes,
      environment: process.env,
      print: (line) => lines.push(line),
    });
    expect(report.violations, lines.join('\n')).toEqual([]);
    expect(report.done).toHaveLength(crashes.length);
    console.log(
      `${report.done.length} crashes: ready again median ${Math.round(report.medianReadyMs)} ms, at most ${Math.round(report.mostReadyMs)} ms; ${report.acknowledged} orders acknowledged`,
    );
  });
});
